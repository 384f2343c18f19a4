// vrfer in Unity without any package: drop this file into Assets, add "Vrfer Receiver" to an object.
// GPL-3.0-or-later, part of vrfer. Unity 2018.4 or later.

using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using UnityEngine;
using UnityEngine.Events;

namespace Vrfer
{
    /// <summary>Hears vrfer over UDP, drives blend shapes, raises events.</summary>
    [AddComponentMenu("vrfer/Vrfer Receiver")]
    public sealed class VrferReceiver : VrferFace
    {
        [Tooltip("The UDP port that vrfer sends to.")]
        public int port = 9000;

        [Tooltip("Off: only a vrfer on this computer is heard.")]
        public bool fromOtherComputers = false;

        OscSocket _socket;
        int _openedPort = -1;
        bool _openedToOthers;

        /// <summary>The port that is listened to; 0 while none is.</summary>
        public int LocalPort { get { return _socket == null ? 0 : _socket.Port; } }

        /// <summary>UDP packets understood so far.</summary>
        public long PacketsHeard { get { return _socket == null ? 0 : _socket.Heard; } }

        /// <summary>UDP packets that were no OSC; they change nothing.</summary>
        public long PacketsMalformed { get { return _socket == null ? 0 : _socket.Malformed; } }

        // Unity calls OnDisable before it reloads scripts and OnEnable after, so no socket and no
        // thread outlives a reload.
        protected override void OnEnable()
        {
            base.OnEnable();
            Open();
        }

        protected override void OnDisable()
        {
            Close();
            base.OnDisable();
        }

        protected override void Update()
        {
            if (port != _openedPort || fromOtherComputers != _openedToOthers)
            {
                Close();
                Open();
            }
            base.Update();
        }

        void Open()
        {
            _openedPort = port;
            _openedToOthers = fromOtherComputers;
            try
            {
                _socket = new OscSocket(fromOtherComputers ? IPAddress.Any : IPAddress.Loopback, port, Inbox);
            }
            catch (Exception error) when (error is SocketException || error is ArgumentOutOfRangeException)
            {
                Debug.LogError("vrfer: UDP port " + port + " cannot be listened to: " + error.Message
                    + ". Close the program that uses it, or choose another port here and in vrfer.", this);
            }
        }

        void Close()
        {
            if (_socket == null) return;
            _socket.Dispose();
            _socket = null;
        }
    }

    /// <summary>What all vrfer components share: the fields of the inspector and what they cause.</summary>
    public abstract class VrferFace : MonoBehaviour
    {
        [Serializable]
        public sealed class LabelEvent : UnityEvent<string> { }

        [Serializable]
        public sealed class ShapeOfExpression
        {
            [Tooltip("neutral, happiness, surprise, sadness, anger, disgust, fear or contempt")]
            public string expression = "happiness";
            [Tooltip("Name of the blend shape, as the mesh calls it.")]
            public string blendShape = "";
            [Tooltip("Weight of the blend shape at probability 1. Unity's blend shapes go to 100. "
                + "Write 1 if vrfer sends the profile unity.")]
            public float gain = 100f;
        }

        [Serializable]
        public sealed class NamedEvent
        {
            [Tooltip("NAME of /vrfer/event/NAME, as the rule in vrfer calls it.")]
            public string name = "";
            public UnityEvent began = new UnityEvent();
            public UnityEvent ended = new UnityEvent();
        }

        [Tooltip("The mesh with the blend shapes.")]
        public SkinnedMeshRenderer face;

        public List<ShapeOfExpression> shapes = new List<ShapeOfExpression>();

        [Tooltip("Seconds in which the face moves about two thirds of the way; 0 follows at once.")]
        [Range(0f, 1f)]
        public float smoothing = 0.08f;

        [Tooltip("Seconds without vrfer after which the face goes back to rest; 0 never.")]
        public float restAfterSilence = 2f;

        public LabelEvent labelChanged = new LabelEvent();
        public UnityEvent faceSeen = new UnityEvent();
        public UnityEvent faceLost = new UnityEvent();
        public List<NamedEvent> events = new List<NamedEvent>();

        /// <summary>Takes what was heard, from any thread.</summary>
        protected readonly VrferInbox Inbox = new VrferInbox();

        readonly float[] _target = new float[Expressions.Names.Length];
        readonly float[] _now = new float[Expressions.Names.Length];
        readonly Dictionary<string, float> _weights = new Dictionary<string, float>();
        readonly HashSet<string> _missing = new HashSet<string>();
        readonly List<VrferChange> _changes = new List<VrferChange>();
        readonly Queue<VrferChange> _raising = new Queue<VrferChange>();
        const float LongestFrame = 0.25f;

        float _silence;
        bool _resting;

        /// <summary>The steady expression; "none" while no face is seen.</summary>
        public string Label { get; private set; } = Expressions.None;

        /// <summary>Whether vrfer sees a face.</summary>
        public bool SeesFace { get; private set; }

        /// <summary>Seconds since vrfer was heard last.</summary>
        public float SecondsOfSilence { get { return _silence; } }

        /// <summary>The smoothed probability of an expression, 0-1; 0 for an unknown name.</summary>
        public float ValueOf(string expression)
        {
            int index = Array.IndexOf(Expressions.Names, expression);
            return index < 0 ? 0f : _now[index];
        }

        protected virtual void OnEnable()
        {
            _missing.Clear();
            _silence = 0f;
        }

        protected virtual void OnDisable()
        {
            Rest();
            Apply(_target);
        }

        protected virtual void Update()
        {
            // A paused or slowed scene must not freeze the face of a person.
            float elapsed = Time.unscaledDeltaTime;
            bool heard = Inbox.Take(_target, _changes);
            // A frame that took seconds is no silence: what came meanwhile may be read after this.
            _silence = heard ? 0f : _silence + Mathf.Min(elapsed, LongestFrame);
            if (heard) _resting = false;
            else if (!_resting && restAfterSilence > 0f && _silence >= restAfterSilence) Rest();
            Apply(_target, smoothing > 0f ? 1f - Mathf.Exp(-elapsed / smoothing) : 1f);
        }

        void Rest()
        {
            _resting = true;
            Inbox.Forget();
            Inbox.Take(_target, _changes);
        }

        void Apply(float[] target, float share = 1f)
        {
            // A listener may throw, or switch this component off, which comes back here.
            foreach (VrferChange change in _changes) _raising.Enqueue(change);
            _changes.Clear();
            while (_raising.Count > 0)
            {
                VrferChange change = _raising.Dequeue();
                try
                {
                    Raise(change);
                }
                catch (Exception error)
                {
                    Debug.LogException(error, this);
                }
            }
            for (int i = 0; i < _now.Length; i++) _now[i] += (target[i] - _now[i]) * share;
            Mesh mesh = face == null ? null : face.sharedMesh;
            if (mesh == null) return;
            // Several expressions may move one blend shape: their weights add up.
            _weights.Clear();
            foreach (ShapeOfExpression shape in shapes)
            {
                float weight;
                _weights.TryGetValue(shape.blendShape, out weight);
                _weights[shape.blendShape] = weight + ValueOf(shape.expression) * shape.gain;
            }
            foreach (KeyValuePair<string, float> weight in _weights)
            {
                int index = mesh.GetBlendShapeIndex(weight.Key);
                if (index >= 0) face.SetBlendShapeWeight(index, weight.Value);
                else if (_missing.Add(weight.Key))
                    Debug.LogWarning("vrfer: the mesh " + mesh.name + " has no blend shape \""
                        + weight.Key + "\". Write its name as the mesh does.", this);
            }
        }

        void Raise(VrferChange change)
        {
            switch (change.Kind)
            {
                case VrferChange.Kinds.Label:
                    Label = change.Name;
                    labelChanged.Invoke(change.Name);
                    break;
                case VrferChange.Kinds.Face:
                    SeesFace = change.On;
                    (change.On ? faceSeen : faceLost).Invoke();
                    break;
                case VrferChange.Kinds.Event:
                    foreach (NamedEvent named in events)
                        if (named.name == change.Name) (change.On ? named.began : named.ended).Invoke();
                    break;
            }
        }
    }

    /// <summary>The names of vrfer's expressions, in its order.</summary>
    public static class Expressions
    {
        public const string None = "none";
        public static readonly string[] Names =
        {
            "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
        };
    }

    /// <summary>A label, a face or a rule's event that is not what it was.</summary>
    public struct VrferChange
    {
        public enum Kinds { Label, Face, Event }

        public readonly Kinds Kind;
        public readonly string Name;
        public readonly bool On;

        public VrferChange(Kinds kind, string name, bool on)
        {
            Kind = kind;
            Name = name;
            On = on;
        }
    }

    /// <summary>Carries what was heard from the thread that hears it to Unity's own.</summary>
    /// <remarks>Of values the newest counts; of changes none is lost.</remarks>
    public sealed class VrferInbox
    {
        // Far more than a person's face changes while a scene loads.
        const int MostChanges = 1000, MostEvents = 256;
        const string Prefix = "/vrfer/", EventPrefix = "/vrfer/event/";

        readonly object _guard = new object();
        readonly float[] _values = new float[Expressions.Names.Length];
        readonly Queue<VrferChange> _changes = new Queue<VrferChange>();
        readonly Dictionary<string, bool> _events = new Dictionary<string, bool>();
        string _label = Expressions.None;
        bool _face;
        bool _heard;

        /// <summary>Take all messages of one packet together, so that no frame sees half of it.</summary>
        public void Hear(List<OscMessage> messages)
        {
            lock (_guard)
                foreach (OscMessage message in messages) Note(message.Address, message.Number, message.Text);
        }

        /// <summary>Take one message: its first number and its first text, or 0 and null.</summary>
        public void Hear(string address, float number, string text)
        {
            lock (_guard) Note(address, number, text);
        }

        void Note(string address, float number, string text)
        {
            if (address == null || !address.StartsWith(Prefix, StringComparison.Ordinal)) return;
            if (float.IsNaN(number) || float.IsInfinity(number)) return;
            _heard = true;
            if (address.StartsWith(EventPrefix, StringComparison.Ordinal))
            {
                SetEvent(address.Substring(EventPrefix.Length), number >= 0.5f);
                return;
            }
            string name = address.Substring(Prefix.Length);
            if (name == "label" && text != null) SetLabel(text);
            else if (name == "face") SetFace(number >= 0.5f);
            else
            {
                int index = Array.IndexOf(Expressions.Names, name);
                if (index >= 0) _values[index] = number;
            }
        }

        void SetLabel(string label)
        {
            if (label == _label) return;
            _label = label;
            Add(new VrferChange(VrferChange.Kinds.Label, label, true));
        }

        void SetFace(bool seen)
        {
            if (seen == _face) return;
            _face = seen;
            Add(new VrferChange(VrferChange.Kinds.Face, "face", seen));
        }

        void SetEvent(string name, bool on)
        {
            bool was;
            bool known = _events.TryGetValue(name, out was);
            if (was == on || (!known && _events.Count >= MostEvents)) return;
            _events[name] = on;
            Add(new VrferChange(VrferChange.Kinds.Event, name, on));
        }

        void Add(VrferChange change)
        {
            if (_changes.Count >= MostChanges) _changes.Dequeue();
            _changes.Enqueue(change);
        }

        /// <summary>Hand out the newest values and every change; true if anything was heard.</summary>
        public bool Take(float[] values, List<VrferChange> changes)
        {
            lock (_guard)
            {
                bool heard = _heard;
                _heard = false;
                Array.Copy(_values, values, _values.Length);
                changes.AddRange(_changes);
                _changes.Clear();
                return heard;
            }
        }

        /// <summary>Go back to rest, as if vrfer saw no face and no rule held.</summary>
        public void Forget()
        {
            lock (_guard)
            {
                Array.Clear(_values, 0, _values.Length);
                SetLabel(Expressions.None);
                SetFace(false);
                foreach (string name in new List<string>(_events.Keys)) SetEvent(name, false);
            }
        }
    }

    /// <summary>A UDP socket and the thread that listens to it.</summary>
    public sealed class OscSocket : IDisposable
    {
        const int LargestPacket = 65536, WakeMs = 200, BufferBytes = 1 << 20;

        readonly Socket _socket;
        readonly Thread _thread;
        readonly VrferInbox _inbox;
        volatile bool _closed;
        long _heard, _malformed;

        /// <summary>Open the port; 0 takes a free one. Throws SocketException if it is taken.</summary>
        public OscSocket(IPAddress address, int port, VrferInbox inbox)
        {
            _inbox = inbox;
            _socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                // Else Mono lets two programs open one port, and only one of them hears anything. What
                // IL2CPP makes of ExclusiveAddressUse on other systems than Windows is the opposite.
                if (Environment.OSVersion.Platform == PlatformID.Win32NT) _socket.ExclusiveAddressUse = true;
                else _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, false);
                _socket.Bind(new IPEndPoint(address, port));
                _socket.ReceiveBufferSize = BufferBytes;
                // Closing a socket does not wake a waiting thread on every system.
                _socket.ReceiveTimeout = WakeMs;
                Port = ((IPEndPoint)_socket.LocalEndPoint).Port;
            }
            catch
            {
                _socket.Close();
                throw;
            }
            _thread = new Thread(Listen) { IsBackground = true, Name = "vrfer OSC" };
            _thread.Start();
        }

        public int Port { get; private set; }
        public long Heard { get { return Interlocked.Read(ref _heard); } }
        public long Malformed { get { return Interlocked.Read(ref _malformed); } }

        public void Dispose()
        {
            if (_closed) return;
            _closed = true;
            _socket.Close();
            _thread.Join();
        }

        void Listen()
        {
            byte[] packet = new byte[LargestPacket];
            List<OscMessage> messages = new List<OscMessage>();
            while (!_closed)
            {
                int length;
                try
                {
                    length = _socket.Receive(packet);
                }
                catch (ObjectDisposedException)
                {
                    return;
                }
                catch (SocketException error)
                {
                    // A network that is gone may come back.
                    if (error.SocketErrorCode != SocketError.TimedOut
                        && error.SocketErrorCode != SocketError.WouldBlock && !_closed) Thread.Sleep(WakeMs);
                    continue;
                }
                messages.Clear();
                if (OscParser.TryRead(packet, length, messages))
                {
                    _inbox.Hear(messages);
                    Interlocked.Increment(ref _heard);
                }
                else Interlocked.Increment(ref _malformed);
            }
        }
    }

    /// <summary>An OSC message: its address, first number (0 if none) and first text (or null).</summary>
    public struct OscMessage
    {
        public string Address;
        public float Number;
        public string Text;
    }

    /// <summary>Reads OSC 1.0 packets with the types i, f, s, b; bundles may be nested.</summary>
    public static class OscParser
    {
        const int DeepestBundle = 32, BundleHead = 16;
        static readonly byte[] BundleMark = Encoding.ASCII.GetBytes("#bundle\0");
        static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, false);

        /// <summary>Append a packet's messages; false, and nothing appended, if it is malformed.</summary>
        public static bool TryRead(byte[] packet, int length, List<OscMessage> messages)
        {
            int before = messages.Count;
            if (ReadElement(packet, 0, length, 0, messages)) return true;
            messages.RemoveRange(before, messages.Count - before);
            return false;
        }

        static bool ReadElement(byte[] packet, int start, int end, int depth, List<OscMessage> messages)
        {
            if (start >= end || (end - start) % 4 != 0) return false;
            if (packet[start] == '/') return ReadMessage(packet, start, end, messages);
            if (depth >= DeepestBundle || end - start < BundleHead) return false;
            for (int i = 0; i < BundleMark.Length; i++)
                if (packet[start + i] != BundleMark[i]) return false;
            int at = start + BundleHead;
            while (at < end)
            {
                int size;
                if (!ReadInt(packet, ref at, end, out size) || size > end - at) return false;
                if (!ReadElement(packet, at, at + size, depth + 1, messages)) return false;
                at += size;
            }
            return true;
        }

        static bool ReadMessage(byte[] packet, int start, int end, List<OscMessage> messages)
        {
            int at = start;
            string tags;
            OscMessage message = new OscMessage();
            if (!ReadString(packet, ref at, end, out message.Address)) return false;
            if (!ReadString(packet, ref at, end, out tags) || tags.Length == 0 || tags[0] != ',') return false;
            bool numbered = false;
            for (int i = 1; i < tags.Length; i++)
            {
                int bits = 0;
                string text;
                switch (tags[i])
                {
                    case 'i':
                    case 'f':
                        if (!ReadInt(packet, ref at, end, out bits)) return false;
                        if (!numbered) message.Number = tags[i] == 'i' ? bits : ToFloat(bits);
                        numbered = true;
                        break;
                    case 's':
                        if (!ReadString(packet, ref at, end, out text)) return false;
                        if (message.Text == null) message.Text = text;
                        break;
                    case 'b':
                        if (!ReadInt(packet, ref at, end, out bits) || bits < 0 || bits > end - at) return false;
                        at += (bits + 3) & ~3;
                        if (at > end) return false;
                        break;
                    default:
                        return false;
                }
            }
            if (at != end) return false;
            messages.Add(message);
            return true;
        }

        static bool ReadInt(byte[] packet, ref int at, int end, out int number)
        {
            number = 0;
            if (end - at < 4) return false;
            number = packet[at] << 24 | packet[at + 1] << 16 | packet[at + 2] << 8 | packet[at + 3];
            at += 4;
            return true;
        }

        static float ToFloat(int bits)
        {
            return BitConverter.ToSingle(BitConverter.GetBytes(bits), 0);
        }

        static bool ReadString(byte[] packet, ref int at, int end, out string text)
        {
            text = null;
            int stop = Array.IndexOf(packet, (byte)0, at, end - at);
            if (stop < 0) return false;
            text = Utf8.GetString(packet, at, stop - at);
            at += (stop - at + 4) & ~3;
            return at <= end;
        }
    }
}
