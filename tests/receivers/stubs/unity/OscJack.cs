// Stand-in for the part of OscJack 2 that VrferOscJack uses, after its README.

using System;
using System.Collections.Generic;
using System.Globalization;

namespace OscJack
{
    public sealed class OscDataHandle
    {
        readonly object[] _elements;

        public OscDataHandle(params object[] elements)
        {
            _elements = elements;
        }

        public int GetElementCount()
        {
            return _elements.Length;
        }

        public float GetElementAsFloat(int index)
        {
            object element = _elements[index];
            return element is string ? 0f : Convert.ToSingle(element, CultureInfo.InvariantCulture);
        }

        public string GetElementAsString(int index)
        {
            return Convert.ToString(_elements[index], CultureInfo.InvariantCulture);
        }
    }

    public sealed class OscMessageDispatcher
    {
        public delegate void MessageCallback(string address, OscDataHandle data);

        readonly Dictionary<string, MessageCallback> _callbacks = new Dictionary<string, MessageCallback>();

        public void AddCallback(string address, MessageCallback callback)
        {
            _callbacks[address] = callback;
        }

        /// <summary>What the stand-in offers in place of a network.</summary>
        public void Deliver(string address, OscDataHandle data)
        {
            MessageCallback callback;
            if (_callbacks.TryGetValue(string.Empty, out callback)) callback(address, data);
            if (_callbacks.TryGetValue(address, out callback)) callback(address, data);
        }
    }

    public sealed class OscServer : IDisposable
    {
        /// <summary>The servers that were opened, the newest last.</summary>
        public static readonly List<OscServer> Opened = new List<OscServer>();

        public OscServer(int listenPort)
        {
            MessageDispatcher = new OscMessageDispatcher();
            Opened.Add(this);
        }

        public OscMessageDispatcher MessageDispatcher { get; private set; }
        public bool Disposed { get; private set; }

        public void Dispose()
        {
            Disposed = true;
        }
    }
}
