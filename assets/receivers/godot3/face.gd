# Draws a face that follows the eight expressions, smoothly; while an event runs, the background
# glows and turns. GPL-3.0-or-later, part of vrfer.
extends Node2D

const EXPRESSIONS = [
	"neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"
]
# What an expression does to the face. smile: corners of the mouth, up positive; open, wide: mouth;
# brow: height; frown: inner ends of the brows, down positive; eyes: opening; skew: one corner of
# the mouth alone; nose: wrinkles.
const FEATURES = {
	"neutral": {"smile": 0.2, "eyes": -0.12, "frown": -0.15},
	"happiness": {"smile": 1.0, "open": 0.3, "wide": 0.35, "eyes": -0.3, "brow": 0.15},
	"surprise": {"open": 1.0, "wide": -0.45, "brow": 1.0, "eyes": 0.5},
	"sadness": {"smile": -0.9, "wide": -0.2, "frown": -1.1, "eyes": -0.3},
	"anger": {"smile": -0.5, "wide": 0.15, "frown": 1.1, "brow": -0.5, "eyes": -0.2},
	"disgust": {"smile": -0.6, "open": 0.1, "frown": 0.5, "brow": -0.35, "eyes": -0.5, "nose": 1.0},
	"fear": {"smile": -0.3, "open": 0.45, "wide": 0.3, "frown": -0.6, "brow": 0.8, "eyes": 0.6},
	"contempt": {"skew": 1.0, "eyes": -0.35, "brow": -0.1},
}
const SKIN = Color("f0c49c")
const SKIN_SHADE = Color("dba67c")
const HAIR = Color("4a3128")
const INK = Color("3a2a26")
const LIP = Color("b5524f")
const INSIDE_MOUTH = Color("5a1f24")
const TONGUE = Color("d9777a")
const SHIRT = Color("4f7f9b")
const CALM = Color("dfe8f1")
const CALM_RAY = Color("d3dfeb")
const GLOW = Color("ffd98a")
const GLOW_RAY = Color("ffc14f")

# Seconds in which the face moves about two thirds of the way.
export(float, 0.0, 2.0) var smoothing = 0.08

# The probabilities as drawn, and how far the background's glow has come, 0 to 1.
var drawn = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
var glow = 0.0

var _target = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
var _events = {}
var _turn = 0.0


func _on_probabilities(values):
	_target = values


func _on_event(event_name, on):
	if on:
		_events[event_name] = true
	else:
		_events.erase(event_name)


func _process(delta):
	var share = 1.0 - exp(-delta / smoothing) if smoothing > 0.0 else 1.0
	for i in range(drawn.size()):
		drawn[i] += (_target[i] - drawn[i]) * share
	glow += ((0.0 if _events.empty() else 1.0) - glow) * (1.0 - exp(-delta / 0.25))
	_turn += delta * 0.5 * glow
	update()


# Mix what all expressions do to the face by their probabilities.
func features():
	var mixed = {
		"smile": 0.0, "open": 0.0, "wide": 0.0, "brow": 0.0,
		"frown": 0.0, "eyes": 0.0, "skew": 0.0, "nose": 0.0
	}
	for i in range(EXPRESSIONS.size()):
		var expression = FEATURES[EXPRESSIONS[i]]
		for feature in expression:
			mixed[feature] += expression[feature] * drawn[i]
	return mixed


func _draw():
	var size = get_viewport_rect().size
	var unit = min(size.x, size.y) / 640.0
	_draw_background(size)
	draw_set_transform(size / 2.0, 0.0, Vector2(unit, unit))
	var mixed = features()
	_draw_body()
	_draw_head()
	for side in [-1.0, 1.0]:
		_draw_cheek(side, mixed)
		_draw_eye(side, mixed)
		_draw_brow(side, mixed)
	_draw_nose(mixed)
	_draw_mouth(mixed)


func _draw_background(size):
	draw_rect(Rect2(Vector2(), size), CALM.linear_interpolate(GLOW, glow))
	var ray = CALM_RAY.linear_interpolate(GLOW_RAY, glow)
	for i in range(12):
		var from = _turn + TAU * i / 12.0
		var to = from + TAU / 24.0
		var far = size.length()
		_shape(
			[
				size / 2.0,
				size / 2.0 + Vector2(cos(from), sin(from)) * far,
				size / 2.0 + Vector2(cos(to), sin(to)) * far
			],
			ray
		)


func _draw_body():
	_shape(_curve(Vector2(-215, 340), Vector2(-190, 205), Vector2(-60, 212), Vector2(0, 212))
		+ _curve(Vector2(0, 212), Vector2(60, 212), Vector2(190, 205), Vector2(215, 340)), SHIRT)
	_shape(_ellipse(Vector2(0, 205), Vector2(72, 40)), SKIN_SHADE)
	_shape([Vector2(-62, 110), Vector2(62, 110), Vector2(66, 205), Vector2(-66, 205)], SKIN_SHADE)


func _draw_head():
	_shape(_ellipse(Vector2(0, -62), Vector2(184, 186)), HAIR)
	for side in [-1.0, 1.0]:
		_shape(_ellipse(Vector2(side * 164, 4), Vector2(24, 36)), SKIN)
		_shape(_ellipse(Vector2(side * 166, 6), Vector2(12, 22)), SKIN_SHADE)
	var head = []
	for i in range(72):
		var angle = TAU * i / 72.0
		var narrow = 1.0 - 0.09 * pow(max(0.0, sin(angle)), 2.0)
		head.append(Vector2(164.0 * cos(angle) * narrow, 204.0 * sin(angle) - 8.0))
	_shape(head, SKIN)
	_shape(_curve(Vector2(-166, -30), Vector2(-178, -160), Vector2(-110, -236), Vector2(0, -240))
		+ _curve(Vector2(0, -240), Vector2(110, -236), Vector2(178, -160), Vector2(166, -30))
		+ _curve(Vector2(166, -30), Vector2(150, -120), Vector2(120, -142), Vector2(60, -158))
		+ _curve(Vector2(60, -158), Vector2(-20, -140), Vector2(-140, -150), Vector2(-166, -30)),
		HAIR)


func _draw_cheek(side, mixed):
	var warmth = 0.025 + 0.05 * clamp(mixed.smile, 0.0, 1.0)
	for i in range(6):
		var radius = 40.0 - 6.0 * i
		draw_colored_polygon(
			PoolVector2Array(_ellipse(Vector2(side * 96, 72), Vector2(radius, radius * 0.75))),
			Color(0.93, 0.35, 0.33, warmth)
		)


func _draw_eye(side, mixed):
	var center = Vector2(side * 66, -22)
	var opening = max(0.1, 1.0 + mixed.eyes)
	# Sad and frightened eyes rise towards the middle, angry ones sink.
	var tilt = Vector2(0, 7.0 * mixed.frown)
	var inner = center + Vector2(-side * 40, 2) + tilt
	var outer = center + Vector2(side * 40, 0) - tilt * 0.6
	var up = Vector2(0, -40.0 * opening)
	var upper = _curve(inner, inner.linear_interpolate(center, 0.4) + up + tilt * 0.6,
		outer.linear_interpolate(center, 0.4) + up - tilt * 0.4, outer)
	# Smiling cheeks push the lower lid up.
	var down = Vector2(0, 27.0 * min(1.25, opening) - 16.0 * max(0.0, mixed.smile))
	var lower = _curve(outer, outer.linear_interpolate(center, 0.4) + down,
		inner.linear_interpolate(center, 0.4) + down, inner)
	var white = upper + lower
	_shape(white, Color("fdfbf7"))
	var pupil_at = center + Vector2(-side * 2, -3.0 - 2.0 * mixed.eyes)
	_inside(white, _ellipse(pupil_at, Vector2(19, 19)), Color("5b7f4e"))
	_inside(white, _ellipse(pupil_at, Vector2(10, 10)), INK)
	_inside(white, _ellipse(pupil_at + Vector2(6, -7), Vector2(4.5, 4.5)), Color.white)
	_line(lower, SKIN_SHADE.darkened(0.25), 2.0)
	_line(upper, INK, 6.0)


func _draw_brow(side, mixed):
	var y = -86.0 - 26.0 * mixed.brow
	var inner = Vector2(side * 34, y + 2 + 20.0 * mixed.frown)
	var middle = Vector2(side * 74, y - 13 - 2.0 * mixed.frown)
	var outer = Vector2(side * 116, y + 6 - 8.0 * mixed.frown)
	_shape(_ellipse(inner, Vector2(8, 8)), HAIR)
	_shape(
		_curve(inner + Vector2(0, 8), middle + Vector2(-side * 14, 8), middle + Vector2(side * 14, 4),
			outer)
		+ _curve(outer, middle + Vector2(side * 14, -6), middle + Vector2(-side * 14, -8),
			inner + Vector2(0, -8)),
		HAIR
	)


func _draw_nose(mixed):
	var lift = -5.0 * mixed.nose
	_line(_curve(Vector2(-20, 46 + lift), Vector2(-14, 62 + lift), Vector2(14, 62 + lift),
		Vector2(20, 46 + lift)), SKIN_SHADE.darkened(0.15), 5.0)
	var wrinkles = SKIN_SHADE.darkened(0.2)
	wrinkles.a = clamp(mixed.nose, 0.0, 1.0)
	for side in [-1.0, 1.0]:
		for i in range(3):
			var at = Vector2(side * 9, -20 + 14.0 * i)
			_line([at, at + Vector2(side * (9 + 2 * i), 7)], wrinkles, 3.5)
		_line(_curve(Vector2(side * 32, 44), Vector2(side * 46, 56), Vector2(side * 58, 74),
			Vector2(side * 62, 92)), wrinkles, 4.0)


func _draw_mouth(mixed):
	var half = 62.0 * (1.0 + 0.5 * mixed.wide)
	var corner_y = 116.0 - 24.0 * mixed.smile
	var left = Vector2(-half, corner_y)
	var right = Vector2(half, corner_y - 26.0 * mixed.skew)
	var gap = 72.0 * max(0.0, mixed.open)
	var curve = 117.0 + 22.0 * mixed.smile
	var reach = half * 0.55
	var upper = _curve(left, Vector2(-reach, curve - gap * 0.4), Vector2(reach, curve - gap * 0.4),
		right)
	var lower = _curve(right, Vector2(reach, curve + gap * 0.95),
		Vector2(-reach, curve + gap * 0.95), left)
	if gap > 2.0:
		var hole = upper + lower
		_shape(hole, INSIDE_MOUTH)
		var depth = curve + gap * 0.7
		_inside(hole, _ellipse(Vector2(0, depth + 14), Vector2(half * 0.6, 26)), TONGUE)
		var teeth = upper.duplicate()
		for i in range(upper.size() - 1, -1, -1):
			teeth.append(upper[i] + Vector2(0, min(15.0, gap * 0.4)))
		_inside(hole, teeth, Color("fffaf2"))
	_line(lower, LIP, 9.0)
	_line(upper, LIP, 8.0)
	for end in [left, right]:
		_shape(_ellipse(end, Vector2(5, 5)), LIP)
	if mixed.skew > 0.05:
		_line(_curve(right + Vector2(12, -12), right + Vector2(20, -4), right + Vector2(20, 6),
			right + Vector2(14, 14)), SKIN_SHADE.darkened(0.15), 4.0 * mixed.skew)


# Fill a polygon, with soft edges.
func _shape(points, color):
	draw_colored_polygon(PoolVector2Array(points), color)
	_line(points + [points[0]], color, 1.5)


# Fill the part of a polygon that lies inside of another.
func _inside(outline, points, color):
	var parts = Geometry.intersect_polygons_2d(PoolVector2Array(outline), PoolVector2Array(points))
	for part in parts:
		if part.size() > 2:
			draw_colored_polygon(part, color)


func _line(points, color, width):
	draw_polyline(PoolVector2Array(points), color, width, true)


# Points of a cubic curve.
func _curve(from, control_1, control_2, to):
	var points = []
	for i in range(25):
		var t = i / 24.0
		var u = 1.0 - t
		points.append(u * u * u * from + 3.0 * u * u * t * control_1 + 3.0 * u * t * t * control_2
			+ t * t * t * to)
	return points


func _ellipse(center, radii):
	var points = []
	for i in range(40):
		var angle = TAU * i / 40.0
		points.append(center + Vector2(cos(angle) * radii.x, sin(angle) * radii.y))
	return points
