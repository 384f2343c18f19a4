// A Unity scene without Unity: it runs a receiver as the engine would and prints what happens.
// Scene.exe udp: frames until standard input ends; a line there is answered by the state.
// Scene.exe extosc | oscjack: the adapters, fed by hand.
// Scene.exe careless: listeners that throw, and that switch the component off.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using System.Threading;
using extOSC;
using OscJack;
using UnityEngine;
using Vrfer;

public static class Scene
{
    static readonly object Output = new object();

    public static int Main(string[] arguments)
    {
        switch (arguments[0])
        {
            case "udp": return RunUdp();
            case "extosc": return RunExtOsc();
            case "careless": return RunCareless();
            default: return RunOscJack();
        }
    }

    static int RunUdp()
    {
        VrferReceiver receiver = new VrferReceiver { port = 0, smoothing = 0f, restAfterSilence = 0f };
        Furnish(receiver);
        Call(receiver, "OnEnable");
        Say("listening " + receiver.LocalPort);
        bool ended = false;
        Thread asked = new Thread(() =>
        {
            while (Console.ReadLine() != null)
                lock (receiver)
                {
                    // Counted before the frame, which shows all that is counted.
                    string counts = "heard=" + receiver.PacketsHeard + " malformed=" + receiver.PacketsMalformed;
                    Frame(receiver);
                    Say("state " + counts);
                }
            ended = true;
        });
        asked.Start();
        while (!ended)
        {
            lock (receiver) Frame(receiver);
            Thread.Sleep(2);
        }
        asked.Join();
        SayWeights(receiver);
        // Scripts reloaded: the port must be free again and the face at rest.
        int port = receiver.LocalPort;
        Call(receiver, "OnDisable");
        SayWeights(receiver);
        receiver.port = port;
        Call(receiver, "OnEnable");
        Say("again " + (receiver.LocalPort == port));
        VrferReceiver second = new VrferReceiver { port = port };
        Call(second, "OnEnable");
        Call(second, "OnDisable");
        Call(receiver, "OnDisable");
        return 0;
    }

    static int RunExtOsc()
    {
        OSCReceiver osc = new OSCReceiver();
        VrferExtOsc receiver = new VrferExtOsc { receiver = osc, smoothing = 0f };
        Furnish(receiver);
        Call(receiver, "OnEnable");
        osc.Deliver(new OSCMessage("/vrfer/face", new OSCValue(OSCValueType.Int, 1)));
        osc.Deliver(new OSCMessage("/vrfer/label", new OSCValue(OSCValueType.String, "happiness")));
        osc.Deliver(new OSCMessage("/vrfer/happiness", new OSCValue(OSCValueType.Float, 0.75f)));
        osc.Deliver(new OSCMessage("/vrfer/event/calm", new OSCValue(OSCValueType.Int, 1)));
        Frame(receiver);
        SayWeights(receiver);
        Call(receiver, "OnDisable");
        osc.Deliver(new OSCMessage("/vrfer/label", new OSCValue(OSCValueType.String, "anger")));
        Frame(receiver);
        return 0;
    }

    static int RunCareless()
    {
        OSCReceiver osc = new OSCReceiver();
        VrferExtOsc receiver = new VrferExtOsc { receiver = osc, smoothing = 0f };
        receiver.labelChanged.AddListener(label => { throw new Exception("a listener fell over " + label); });
        Furnish(receiver);
        receiver.faceLost.AddListener(() => Call(receiver, "OnDisable"));
        Call(receiver, "OnEnable");
        osc.Deliver(new OSCMessage("/vrfer/face", new OSCValue(OSCValueType.Int, 1)));
        osc.Deliver(new OSCMessage("/vrfer/label", new OSCValue(OSCValueType.String, "happiness")));
        osc.Deliver(new OSCMessage("/vrfer/happiness", new OSCValue(OSCValueType.Float, 0.75f)));
        osc.Deliver(new OSCMessage("/vrfer/event/calm", new OSCValue(OSCValueType.Int, 1)));
        for (int i = 0; i < 3; i++) Frame(receiver);
        SayWeights(receiver);
        osc.Deliver(new OSCMessage("/vrfer/face", new OSCValue(OSCValueType.Int, 0)));
        Frame(receiver);
        SayWeights(receiver);
        return 0;
    }

    static int RunOscJack()
    {
        VrferOscJack receiver = new VrferOscJack { smoothing = 0f };
        Furnish(receiver);
        Call(receiver, "OnEnable");
        HearOscJack();
        Frame(receiver);
        SayWeights(receiver);
        for (int i = 0; i < 600; i++) Frame(receiver);
        Say("servers " + OscServer.Opened.Count + " first closed " + OscServer.Opened[0].Disposed);
        HearOscJack();
        Frame(receiver);
        SayWeights(receiver);
        Call(receiver, "OnDisable");
        Say("last closed " + OscServer.Opened[OscServer.Opened.Count - 1].Disposed);
        return 0;
    }

    static void HearOscJack()
    {
        OscMessageDispatcher osc = OscServer.Opened[OscServer.Opened.Count - 1].MessageDispatcher;
        osc.Deliver("/vrfer/face", new OscDataHandle(1));
        osc.Deliver("/vrfer/label", new OscDataHandle("happiness"));
        osc.Deliver("/vrfer/happiness", new OscDataHandle(0.75f));
        osc.Deliver("/vrfer/event/calm", new OscDataHandle(1));
        osc.Deliver("/vrfer/nothing", new OscDataHandle());
    }

    /// <summary>Give a receiver a mesh with a blend shape for each expression, and listeners.</summary>
    static void Furnish(VrferFace receiver)
    {
        Mesh mesh = new Mesh { name = "head" };
        foreach (string expression in Expressions.Names)
        {
            mesh.Shapes.Add("Face_" + expression);
            receiver.shapes.Add(new VrferFace.ShapeOfExpression
            {
                expression = expression, blendShape = "Face_" + expression,
            });
        }
        receiver.shapes.Add(new VrferFace.ShapeOfExpression { blendShape = "Nonesuch" });
        receiver.face = new SkinnedMeshRenderer { sharedMesh = mesh };
        VrferFace.NamedEvent calm = new VrferFace.NamedEvent { name = "calm" };
        calm.began.AddListener(() => Say("calm began"));
        calm.ended.AddListener(() => Say("calm ended"));
        receiver.events.Add(calm);
        receiver.labelChanged.AddListener(label => Say("label " + label));
        receiver.faceSeen.AddListener(() => Say("face seen"));
        receiver.faceLost.AddListener(() => Say("face lost"));
    }

    static void Frame(VrferFace receiver)
    {
        Time.unscaledDeltaTime = 1f / 60f;
        Call(receiver, "Update");
    }

    static void SayWeights(VrferFace receiver)
    {
        List<string> weights = new List<string>();
        for (int i = 0; i < Expressions.Names.Length; i++)
        {
            float weight;
            receiver.face.Weights.TryGetValue(i, out weight);
            weights.Add(weight.ToString("R", CultureInfo.InvariantCulture));
        }
        Say("weights " + string.Join(" ", weights.ToArray()));
    }

    static void Say(string line)
    {
        lock (Output)
        {
            Console.WriteLine(line);
            Console.Out.Flush();
        }
    }

    /// <summary>Call a method as the engine does, whatever its access.</summary>
    static void Call(object target, string name)
    {
        target.GetType().GetMethod(name, BindingFlags.Instance | BindingFlags.NonPublic).Invoke(target, null);
    }
}
