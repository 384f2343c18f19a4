// vrfer in Unity through extOSC. Needs the package com.iam1337.extosc and VrferReceiver.cs.
// GPL-3.0-or-later, part of vrfer.

using extOSC;
using extOSC.Core;
using UnityEngine;

namespace Vrfer
{
    /// <summary>Hears vrfer through an extOSC receiver, drives blend shapes, raises events.</summary>
    [AddComponentMenu("vrfer/Vrfer extOSC")]
    public sealed class VrferExtOsc : VrferFace
    {
        [Tooltip("The OSC Receiver that listens to vrfer's port (9000).")]
        public OSCReceiver receiver;

        IOSCBind _bind;
        OSCReceiver _boundTo;

        protected override void OnEnable()
        {
            base.OnEnable();
            if (receiver == null)
            {
                Debug.LogError("vrfer: no OSC Receiver is chosen. Drag extOSC's OSC Receiver here.", this);
                return;
            }
            _boundTo = receiver;
            _bind = receiver.Bind("/vrfer/*", Hear);
        }

        protected override void OnDisable()
        {
            if (_boundTo != null) _boundTo.Unbind(_bind);
            _boundTo = null;
            base.OnDisable();
        }

        void Hear(OSCMessage message)
        {
            float number = 0f;
            string text = null;
            bool numbered = false;
            foreach (OSCValue value in message.Values)
            {
                bool whole = value.Type == OSCValueType.Int;
                if (!numbered && (whole || value.Type == OSCValueType.Float))
                {
                    number = whole ? value.IntValue : value.FloatValue;
                    numbered = true;
                }
                else if (text == null && value.Type == OSCValueType.String) text = value.StringValue;
            }
            Inbox.Hear(message.Address, number, text);
        }
    }
}
