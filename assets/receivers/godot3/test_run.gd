# Shows that the face follows, for vrfer's own tests; without --vrfer-test it does nothing.
#
#   godot3 --path . -- --vrfer-test OUT.json [--picture OUT.png] [--port 9000] [--seconds 8]
#                      [--until-event NAME] [--rest-after 2]
#
# Prints what it hears and draws, as it comes. OUT.json sums it up. OUT.png is the last
# picture; beside it, as OUT-NAME.png, are those in which each expression and an event were drawn
# most strongly.
extends Node

const LEAST_DRAWN = 0.3
const FULLY_DRAWN = 0.95

var _options = {}
var _receiver
var _face
var _heard = {"labels": [], "faces": [], "events": [], "probabilities": 0}
var _pictures = {}
var _strongest = {}
var _counted = ""
var _drawn_frames = 0
var _done = false


func _enter_tree():
	_options = _read_options(OS.get_cmdline_args())
	if not _options.has("vrfer-test"):
		queue_free()
		return
	Engine.target_fps = 20  # software may be drawing, on a computer that has more to do
	get_tree().connect("node_added", self, "_on_node_added")
	VisualServer.connect("frame_post_draw", self, "_on_drawn")
	get_tree().create_timer(float(_options.get("seconds", 8))).connect("timeout", self, "_finish")


func _read_options(arguments):
	var options = {}
	for i in range(arguments.size() - 1):
		if arguments[i].begins_with("--") and not arguments[i + 1].begins_with("--"):
			options[arguments[i].substr(2)] = arguments[i + 1]
	return options


# Before the receiver is ready, so that it opens the port that was asked for.
func _on_node_added(node):
	if not node.has_method("take_packet"):
		return
	_receiver = node
	_face = node.get_parent()
	_receiver.port = int(_options.get("port", _receiver.port))
	_receiver.rest_after_silence = float(_options.get("rest-after", _receiver.rest_after_silence))
	_receiver.connect("expression_changed", self, "_on_expression_changed")
	_receiver.connect("probabilities", self, "_on_probabilities")
	_receiver.connect("face_changed", self, "_on_face_changed")
	_receiver.connect("event", self, "_on_event")


func _on_expression_changed(label):
	_heard.labels.append(label)
	print("label ", label)


func _on_probabilities(_values):
	_heard.probabilities += 1


func _on_face_changed(seen):
	_heard.faces.append(seen)


func _on_event(event_name, on):
	_heard.events.append([event_name, on])
	print("event ", event_name, " began" if on else " ended")
	if on and event_name == _options.get("until-event", ""):
		_finish()


func _on_drawn():
	_drawn_frames += 1
	if _face == null or _done:
		return
	var counted = "heard %d malformed %d" % [_receiver.packets, _receiver.malformed]
	if counted != _counted:
		_counted = counted
		print(counted)
	for i in range(_face.EXPRESSIONS.size()):
		_keep_if_strongest(_face.EXPRESSIONS[i], _face.drawn[i])
	_keep_if_strongest("event", _face.glow)


func _keep_if_strongest(what, strength):
	var strongest_yet = _strongest.get(what, LEAST_DRAWN)
	if strength >= strongest_yet + 0.01:
		if strength >= FULLY_DRAWN and strongest_yet < FULLY_DRAWN:
			print("drawn ", what)
		_strongest[what] = strength
		_pictures[what] = _picture()


func _picture():
	var picture = get_viewport().get_texture().get_data()
	picture.flip_y()
	return picture


func _finish():
	if _done:
		return
	_done = true
	_heard.packets = _receiver.packets
	_heard.malformed = _receiver.malformed
	_heard.values = _receiver.values
	_heard.strongest = _strongest
	_heard.drawn_frames = _drawn_frames
	_heard.engine = Engine.get_version_info().string
	if _options.has("picture"):
		_picture().save_png(_options["picture"])
		for what in _pictures:
			_pictures[what].save_png("%s-%s.png" % [_options["picture"].get_basename(), what])
	var file = File.new()
	if file.open(_options["vrfer-test"], File.WRITE) != OK:
		push_error("%s cannot be written" % _options["vrfer-test"])
	else:
		file.store_string(JSON.print(_heard, "  ") + "\n")
		file.close()
	get_tree().quit()
