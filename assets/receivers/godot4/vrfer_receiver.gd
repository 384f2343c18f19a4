# Hears vrfer over OSC: add a Node, give it this script, connect its signals.
# For Godot 4. GPL-3.0-or-later, part of vrfer.
extends Node

# An expression began: "neutral", "happiness", ... or "none" while no face is seen.
signal expression_changed(label: String)
# Probabilities, 0 to 1, in the order of EXPRESSIONS; with every frame of vrfer.
signal probabilities(values: Array)
# vrfer sees a face, or lost it.
signal face_changed(seen: bool)
# A rule's event, /vrfer/event/NAME, began (true) or ended (false).
signal event(name: String, on: bool)

const EXPRESSIONS = [
	"neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"
]
const NO_FACE = "none"
const EVENT_PREFIX = "/vrfer/event/"
const MOST_PACKETS_A_FRAME = 500
const MOST_EVENTS = 256
const BUFFER_BYTES = 1 << 18

@export_range(1, 65535) var port := 9000
# Hear vrfer on another computer too, not only on this one.
@export var from_other_computers := false
# After so many seconds without vrfer the face is gone and running events end.
@export_range(0.1, 60.0) var rest_after_silence := 2.0

# What was heard last; read it whenever you like.
var label := NO_FACE
var confidence := 0.0
var unsure := false
var sees_face := false
var values = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
var running_events = []
# Packets that were understood, and those that were no OSC.
var packets := 0
var malformed := 0

var _socket := PacketPeerUDP.new()
# A scene in slow motion waits no longer for vrfer than any other.
var _heard_at_ms := 0


func _ready() -> void:
	# A paused scene must not freeze the face of a person, nor miss the end of an event.
	process_mode = Node.PROCESS_MODE_ALWAYS
	var address = "*" if from_other_computers else "127.0.0.1"
	if _socket.bind(port, address, BUFFER_BYTES) == OK:
		print("vrfer: listening on UDP port %d" % port)
	else:
		push_error(
			"UDP port %d cannot be listened to: close the program that uses it, or choose" % port
			+ " another port here and in vrfer"
		)
		set_process(false)


func _exit_tree() -> void:
	_socket.close()


func _process(_delta: float) -> void:
	for _i in range(MOST_PACKETS_A_FRAME):
		if _socket.get_available_packet_count() == 0:
			break
		take_packet(_socket.get_packet())
	if Time.get_ticks_msec() - _heard_at_ms > 1000.0 * rest_after_silence:
		_rest()


# Take an OSC packet, as if it had come over the network.
func take_packet(packet: PackedByteArray) -> void:
	var reader := OscReader.new(packet)
	if not reader.read_all():
		malformed += 1
		return
	packets += 1
	_heard_at_ms = Time.get_ticks_msec()
	_take(reader.messages)


func _take(messages: Array) -> void:
	var last_label = label
	var last_seen = sees_face
	var told_values = false
	var told_events = []
	for message in messages:
		if message.arguments.is_empty():
			continue
		var value = message.arguments[0]
		if message.address == "/vrfer/label":
			if value is String:
				label = value
			continue
		if not _is_number(value):
			continue
		match message.address:
			"/vrfer/face":
				sees_face = value >= 0.5
			"/vrfer/unsure":
				unsure = value >= 0.5
			"/vrfer/confidence":
				confidence = clampf(value, 0.0, 1.0)
			_:
				if message.address.begins_with(EVENT_PREFIX):
					var event_name = message.address.substr(EVENT_PREFIX.length())
					if _set_event(event_name, value >= 0.5):
						told_events.append([event_name, value >= 0.5])
				else:
					var place = EXPRESSIONS.find(message.address.trim_prefix("/vrfer/"))
					if place >= 0 and message.address.begins_with("/vrfer/"):
						values[place] = clampf(value, 0.0, 1.0)
						told_values = true
	if sees_face != last_seen:
		face_changed.emit(sees_face)
	if label != last_label:
		expression_changed.emit(label)
	if told_values:
		probabilities.emit(values.duplicate())
	for told in told_events:
		event.emit(told[0], told[1])


# Returns whether that is news.
func _set_event(event_name: String, on: bool) -> bool:
	if on == running_events.has(event_name):
		return false
	if not on:
		running_events.erase(event_name)
	elif running_events.size() < MOST_EVENTS:
		running_events.append(event_name)
	else:
		return false
	return true


func _rest() -> void:
	confidence = 0.0
	unsure = false
	if sees_face:
		sees_face = false
		face_changed.emit(false)
	if label != NO_FACE:
		label = NO_FACE
		expression_changed.emit(label)
	if values.max() > 0.0:
		values = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
		probabilities.emit(values.duplicate())
	for event_name in running_events.duplicate():
		running_events.erase(event_name)
		event.emit(event_name, false)


func _is_number(value: Variant) -> bool:
	return value is int or (value is float and not is_nan(value) and not is_inf(value))


# Reads an OSC 1.0 packet: a message or a bundle, with arguments of the types i, f, s, b.
class OscReader:
	const DEEPEST_BUNDLE = 32
	const BUNDLE_HEAD_BYTES = 16
	const SLASH = 0x2f
	const COMMA = 0x2c

	# {"address": text, "arguments": [int, float, text or bytes, ...]}, in the packet's order.
	var messages = []
	var _packet: PackedByteArray
	var _numbers := StreamPeerBuffer.new()
	var _at := 0
	var _failed := false

	func _init(packet: PackedByteArray) -> void:
		_packet = packet
		_numbers.data_array = packet
		_numbers.big_endian = true

	# Returns false where the packet is no OSC; then none of it counts.
	func read_all() -> bool:
		_read_element(_packet.size(), 0)
		return not _failed

	func _read_element(end: int, depth: int) -> void:
		if end <= _at or (end - _at) % 4 != 0:
			_failed = true
		elif _packet[_at] == SLASH:
			_read_message(end)
		else:
			_read_bundle(end, depth)

	func _read_bundle(end: int, depth: int) -> void:
		if depth >= DEEPEST_BUNDLE or end - _at < BUNDLE_HEAD_BYTES or _text(end) != "#bundle":
			_failed = true
			return
		_at += 8  # the time tag
		while _at < end and not _failed:
			var size = _int32(end)
			if size > end - _at:
				_failed = true
			elif not _failed:
				_read_element(_at + size, depth + 1)

	func _read_message(end: int) -> void:
		var address = _text(end)
		var tags_at = _at
		var tags = _text(end)
		if _failed or _packet[tags_at] != COMMA:
			_failed = true
			return
		var arguments = []
		for i in range(1, tags.length()):
			match tags[i]:
				"i":
					arguments.append(_int32(end))
				"f":
					arguments.append(_float32(end))
				"s":
					arguments.append(_text(end))
				"b":
					arguments.append(_blob(end))
				_:
					_failed = true
			if _failed:
				return
		if _at != end:
			_failed = true
			return
		messages.append({"address": address, "arguments": arguments})

	func _seek_number(end: int) -> bool:
		if end - _at < 4:
			_failed = true
			return false
		_numbers.seek(_at)
		_at += 4
		return true

	func _int32(end: int) -> int:
		return _numbers.get_32() if _seek_number(end) else 0

	func _float32(end: int) -> float:
		return _numbers.get_float() if _seek_number(end) else 0.0

	func _blob(end: int) -> PackedByteArray:
		var size = _int32(end)
		if _failed or size < 0 or size > end - _at:
			_failed = true
			return PackedByteArray()
		return _bytes(size, (size + 3) & ~3)

	func _text(end: int) -> String:
		var stop = _at
		while stop < end and _packet[stop] != 0:
			stop += 1
		if stop == end:
			_failed = true
			return ""
		return _bytes(stop - _at, (stop - _at + 4) & ~3).get_string_from_ascii()

	func _bytes(size: int, padded_size: int) -> PackedByteArray:
		var start = _at
		_at += padded_size
		return _packet.slice(start, start + size)
