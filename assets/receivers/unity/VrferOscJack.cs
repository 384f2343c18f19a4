// vrfer in Unity through OscJack. Needs the package jp.keijiro.osc-jack 2.x and VrferReceiver.cs.
// GPL-3.0-or-later, part of vrfer.

using System.Net.Sockets;
using OscJack;
using UnityEngine;

namespace Vrfer
{
    /// <summary>Hears vrfer through OscJack, drives blend shapes, raises events.</summary>
    [AddComponentMenu("vrfer/Vrfer OscJack")]
    public sealed class VrferOscJack : VrferFace
    {
        [Tooltip("The UDP port that vrfer sends to. No other component may listen to it.")]
        public int port = 9000;

        [Tooltip("OscJack stops listening after a malformed packet. After so many seconds without "
            + "vrfer the port is opened anew; 0 never.")]
        public float reopenAfterSilence = 5f;

        OscServer _server;
        float _nextTry;

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
            base.Update();
            if (SecondsOfSilence == 0f) _nextTry = reopenAfterSilence;
            if (reopenAfterSilence <= 0f || SecondsOfSilence < _nextTry) return;
            Close();
            Open();
            _nextTry = SecondsOfSilence + reopenAfterSilence;
        }

        void Open()
        {
            _nextTry = reopenAfterSilence;
            try
            {
                _server = new OscServer(port);
            }
            catch (SocketException error)
            {
                Debug.LogError("vrfer: UDP port " + port + " cannot be listened to: " + error.Message
                    + ". Close the program that uses it, or choose another port here and in vrfer.", this);
                return;
            }
            // The empty address means every message.
            _server.MessageDispatcher.AddCallback(string.Empty, Hear);
        }

        void Close()
        {
            if (_server == null) return;
            _server.Dispose();
            _server = null;
        }

        // OscJack calls this from its own thread; the inbox may be filled from any.
        void Hear(string address, OscDataHandle data)
        {
            if (data.GetElementCount() == 0) return;
            bool isText = address == "/vrfer/label";
            Inbox.Hear(address, isText ? 0f : data.GetElementAsFloat(0), isText ? data.GetElementAsString(0) : null);
        }
    }
}
