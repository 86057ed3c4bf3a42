"""The overlay's two shaders: splats into a float image, and that image into the viewport.

The splat shader is EWA splatting (Zwicker et al., 2001) with gsplat's constants, those of the
engine's own rasteriser: a low-pass of 0.3 square pixels, alpha at most 0.999, cut off below 1/255.
It writes two targets, both blended "over" from the farthest splat to the nearest:

* 0: premultiplied colour, sRGB-encoded, as splats are trained and rendered
* 1: window depth and region + 1 of the front-most splat that counts, times its weight; the weight

The viewport blends its overlays in a buffer that the screen shows through a pure 2.2 gamma,
whatever the view transform, so the second shader writes `c ** 2.2`.
"""

import gpu

from .confidence import GUESSED, TRUSTED
from .textures import PALETTE_SIZE, TEXTURE_WIDTH

LOW_PASS = 0.3  # square pixels on both axes, gsplat's eps2d
ALPHA_CAP = 0.999  # gsplat
ALPHA_CUT = "(1.0 / 255.0)"  # gsplat

# A splat this opaque in a pixel is a surface: it sets the pixel's depth and region.
SURFACE_ALPHA = 0.2
FAINT_WEIGHT = 0.001  # of fainter splats: they decide only where there is no surface

# A splat's front is one standard deviation before its centre, at most this share of its depth.
DEPTH_PULL = 0.02

# In units of half the picture: the Jacobian is taken no farther outside the frustum, as in gsplat
# and the reference implementation of 3D Gaussian splatting.
FRUSTUM_MARGIN = 1.3

SHADE = 0.35  # share of the photo's luminance that shows through region and confidence colours

# Counts as 1: the viewport's 8-bit alpha would let 1/255 of its background into dark pixels.
SOLID_ALPHA = 0.99
HALF_MAX = 65504.0  # the largest value of the colour target
DISPLAY_GAMMA = 2.2  # of Blender's overlay buffer

_VIEW_BLOCK = """
struct ViewBlock {
  mat4 view;
  mat4 window;
  vec4 frame;  /* width, height, factor on covariances, 1 in perspective */
  ivec4 draw;  /* first place in the order, mode */
};
"""

_CONSTANTS = f"""
#define LOW_PASS {LOW_PASS}
#define ALPHA_CAP {ALPHA_CAP}
#define ALPHA_CUT {ALPHA_CUT}
#define SURFACE_ALPHA {SURFACE_ALPHA}
#define FAINT_WEIGHT {FAINT_WEIGHT}
#define DEPTH_PULL {DEPTH_PULL}
#define FRUSTUM_MARGIN {FRUSTUM_MARGIN}
#define SHADE {SHADE}
#define SOLID_ALPHA {SOLID_ALPHA}
#define HALF_MAX {HALF_MAX}
#define TEXTURE_WIDTH {TEXTURE_WIDTH}
#define DISPLAY_GAMMA {DISPLAY_GAMMA}
#define NO_REGION {PALETTE_SIZE - 1}
#define TRUSTED {TRUSTED}
#define GUESSED {GUESSED}
"""

_SPLAT_VERTEX = """
ivec2 place_of(int texel) { return ivec2(texel % TEXTURE_WIDTH, texel / TEXTURE_WIDTH); }

vec3 confidence_color(float confidence)
{
  if (confidence > TRUSTED) { return vec3(0.20, 0.80, 0.25); }
  if (confidence >= GUESSED) { return vec3(0.95, 0.80, 0.15); }
  return vec3(0.90, 0.20, 0.15);
}

vec3 shown_color(vec3 photo, float region, float confidence)
{
  vec3 tint = photo;
  if (block.draw.y == 1) {
    int index = region < 0.0 ? NO_REGION : min(int(region + 0.5), NO_REGION - 1);
    tint = texelFetch(palette, ivec2(index, 0), 0).rgb;
  }
  if (block.draw.y == 2) { tint = confidence_color(confidence); }
  /* The weights of linear light, of Rec. 709, on encoded values: a shade, not a measurement. */
  float luminance = dot(min(photo, vec3(1.0)), vec3(0.2126, 0.7152, 0.0722));
  return block.draw.y == 0 ? photo : tint * mix(1.0, luminance, SHADE);
}

/* Covariance in the camera's frame, square metres, from xx xy xz yy and yz zz of the world's. */
mat3 camera_covariance(vec4 a, vec2 b)
{
  mat3 world = mat3(a.x, a.y, a.z, a.y, a.w, b.x, a.z, b.x, b.y);
  mat3 turn = mat3(block.view);
  return turn * (world * block.frame.z) * transpose(turn);
}

/* Covariance in the picture, xx xy yy in square pixels: the Jacobian of the projection. */
vec3 picture_covariance(mat3 covariance, vec3 center)
{
  vec2 focal = vec2(block.window[0][0], block.window[1][1]) * block.frame.xy * 0.5;
  vec3 row_x = vec3(focal.x, 0.0, 0.0);
  vec3 row_y = vec3(0.0, focal.y, 0.0);
  if (block.frame.w > 0.5) {
    float depth = -center.z;
    vec2 lens = vec2(block.window[0][0], block.window[1][1]);
    vec2 middle = block.window[2].xy;
    vec2 least = (middle - FRUSTUM_MARGIN) / lens;
    vec2 most = (middle + FRUSTUM_MARGIN) / lens;
    vec2 slope = clamp(center.xy / depth, least, most);
    row_x = vec3(focal.x, 0.0, focal.x * slope.x) / depth;
    row_y = vec3(0.0, focal.y, focal.y * slope.y) / depth;
  }
  vec3 half_x = covariance * row_x;
  vec3 half_y = covariance * row_y;
  return vec3(dot(row_x, half_x) + LOW_PASS, dot(row_y, half_x), dot(row_y, half_y) + LOW_PASS);
}

/* The window depth of a splat's front. */
float front_depth(mat3 covariance, vec3 center)
{
  float pull = sqrt(max(covariance[2][2], 0.0));
  float depth = -center.z;
  if (block.frame.w > 0.5) { pull = min(pull, DEPTH_PULL * depth); }
  vec4 clip = block.window * vec4(center.xy, -(depth - pull), 1.0);
  return clamp(clip.z / clip.w * 0.5 + 0.5, 0.0, 1.0);
}

void main()
{
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);  /* outside: nothing is drawn */
  sigmas = vec2(0.0);
  tint = vec4(0.0);
  front = vec2(0.0);

  int place = gl_InstanceID + block.draw.x;
  int splat = 4 * int(texelFetch(draw_order, place_of(place), 0).r + 0.5);
  vec4 position = texelFetch(splats, place_of(splat), 0);  /* x y z, opacity */
  vec3 center = (block.view * vec4(position.xyz, 1.0)).xyz;
  vec4 clip = block.window * vec4(center, 1.0);
  /* Nothing is cut off at the far plane: a sky beyond it is still a sky. */
  if (clip.w <= 0.0 || clip.z < -clip.w) { return; }

  vec4 about = texelFetch(splats, place_of(splat + 2), 0);  /* yz zz, region, confidence */
  mat3 covariance = camera_covariance(texelFetch(splats, place_of(splat + 1), 0), about.xy);
  vec3 picture = picture_covariance(covariance, center);

  /* The axes of the ellipse: eigenvalues and eigenvectors of the covariance in the picture. */
  float middle = 0.5 * (picture.x + picture.z);
  float spread = length(vec2(0.5 * (picture.x - picture.z), picture.y));
  vec2 deviations = sqrt(vec2(middle + spread, max(middle - spread, LOW_PASS)));
  vec2 major = vec2(picture.y, middle + spread - picture.x);
  float size = length(major);
  vec2 longer_axis = picture.x >= picture.z ? vec2(1.0, 0.0) : vec2(0.0, 1.0);
  major = size > 1e-6 ? major / size : longer_axis;
  vec2 minor = vec2(-major.y, major.x);

  /* The quad ends where the splat's alpha falls below the cut-off. */
  float reach = sqrt(2.0 * log(max(position.w / ALPHA_CUT, 1.0)));
  sigmas = corner * reach;
  vec2 offset = major * (sigmas.x * deviations.x) + minor * (sigmas.y * deviations.y);
  gl_Position = vec4(clip.xy / clip.w + offset * 2.0 / block.frame.xy, 0.0, 1.0);

  vec3 photo = clamp(texelFetch(splats, place_of(splat + 3), 0).rgb, 0.0, HALF_MAX);
  tint = vec4(shown_color(photo, about.z, about.w), position.w);
  front = vec2(front_depth(covariance, center), about.z + 1.0);
}
"""

_SPLAT_FRAGMENT = """
void main()
{
  float alpha = min(tint.a * exp(-0.5 * dot(sigmas, sigmas)), ALPHA_CAP);
  if (alpha < ALPHA_CUT) { discard; }
  float weight = alpha >= SURFACE_ALPHA ? 1.0 : FAINT_WEIGHT;
  splat_color = vec4(tint.rgb * alpha, alpha);
  splat_front = vec4(front, 0.0, 1.0) * weight;
}
"""

_SCREEN_VERTEX = """
void main()
{
  place = corner * 0.5 + 0.5;
  gl_Position = vec4(corner, 0.0, 1.0);
}
"""

_SCREEN_FRAGMENT = """
void main()
{
  ivec2 pixel = ivec2(place * vec2(textureSize(splat_image, 0)));
  vec4 color = texelFetch(splat_image, pixel, 0);
  vec4 front = texelFetch(front_image, pixel, 0);
  if (color.a < ALPHA_CUT) { discard; }
  vec3 shown = pow(max(color.rgb / color.a, vec3(0.0)), vec3(DISPLAY_GAMMA));
  screen_color = vec4(shown, 1.0) * (min(color.a / SOLID_ALPHA, 1.0) * strength);
  float depth = front.x / front.w;
  /* Splats below the floor, as a sky behind a lake, are drawn at the floor: */
  /* Blender's grid would cut through them. */
  float at_floor = dot(floor_depth.xyz, vec3(place * 2.0 - 1.0, 1.0));
  gl_FragDepth = floor_depth.w > 0.5 && at_floor > 0.0 ? min(depth, at_floor) : depth;
}
"""


def splat_shader() -> "gpu.types.GPUShader":
    """Compile the shader of one instanced quad a splat, into the two targets above."""
    varying = gpu.types.GPUStageInterfaceInfo("anchorstage_splat")
    varying.smooth("VEC2", "sigmas")
    varying.flat("VEC4", "tint")
    varying.flat("VEC2", "front")
    info = gpu.types.GPUShaderCreateInfo()
    info.typedef_source(_VIEW_BLOCK)
    info.uniform_buf(0, "ViewBlock", "block")
    for slot, name in enumerate(("splats", "draw_order", "palette")):
        info.sampler(slot, "FLOAT_2D", name)
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_out(varying)
    info.fragment_out(0, "VEC4", "splat_color")
    info.fragment_out(1, "VEC4", "splat_front")
    info.vertex_source(_CONSTANTS + _SPLAT_VERTEX)
    info.fragment_source(_CONSTANTS + _SPLAT_FRAGMENT)
    return gpu.shader.create_from_info(info)


def screen_shader() -> "gpu.types.GPUShader":
    """Compile the shader that lays the splat image over the viewport, with its depth."""
    varying = gpu.types.GPUStageInterfaceInfo("anchorstage_screen")
    varying.smooth("VEC2", "place")
    info = gpu.types.GPUShaderCreateInfo()
    info.push_constant("FLOAT", "strength")
    info.push_constant("VEC4", "floor_depth")
    info.sampler(0, "FLOAT_2D", "splat_image")
    info.sampler(1, "FLOAT_2D", "front_image")
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_out(varying)
    info.fragment_out(0, "VEC4", "screen_color")
    if hasattr(info, "depth_write"):  # 5.0 and later; before, writing gl_FragDepth is enough
        info.depth_write("ANY")
    info.vertex_source(_SCREEN_VERTEX)
    info.fragment_source(_CONSTANTS + _SCREEN_FRAGMENT)
    return gpu.shader.create_from_info(info)
