// Stand-in for the part of extOSC that VrferExtOsc uses, after its documentation.

using System;
using System.Collections.Generic;
using UnityEngine;
using UnityEngine.Events;

namespace extOSC.Core
{
    public interface IOSCBind
    {
        string ReceiverAddress { get; }
        UnityAction<OSCMessage> Callback { get; }
    }
}

namespace extOSC
{
    using extOSC.Core;

    public enum OSCValueType { Unknown, Int, Float, String }

    public class OSCValue
    {
        readonly object _value;

        public OSCValue(OSCValueType type, object value)
        {
            Type = type;
            _value = value;
        }

        public OSCValueType Type { get; private set; }
        public int IntValue { get { return (int)_value; } }
        public float FloatValue { get { return (float)_value; } }
        public string StringValue { get { return (string)_value; } }
    }

    public class OSCMessage
    {
        public OSCMessage(string address, params OSCValue[] values)
        {
            Address = address;
            Values = new List<OSCValue>(values);
        }

        public string Address { get; private set; }
        public List<OSCValue> Values { get; private set; }
    }

    public class OSCBind : IOSCBind
    {
        public OSCBind(string address, UnityAction<OSCMessage> callback)
        {
            ReceiverAddress = address;
            Callback = callback;
        }

        public string ReceiverAddress { get; private set; }
        public UnityAction<OSCMessage> Callback { get; private set; }
    }

    public class OSCReceiver : MonoBehaviour
    {
        readonly List<IOSCBind> _binds = new List<IOSCBind>();

        public OSCBind Bind(string address, UnityAction<OSCMessage> callback)
        {
            OSCBind bind = new OSCBind(address, callback);
            _binds.Add(bind);
            return bind;
        }

        public void Unbind(IOSCBind bind)
        {
            _binds.Remove(bind);
        }

        /// <summary>What the stand-in offers in place of a network.</summary>
        public void Deliver(OSCMessage message)
        {
            foreach (IOSCBind bind in _binds)
                if (message.Address.StartsWith(bind.ReceiverAddress.TrimEnd('*'), StringComparison.Ordinal))
                    bind.Callback(message);
        }
    }
}
