// Stand-in for the part of UnityEngine that the receivers use, after Unity's Scripting Reference.
// It holds values and calls listeners; there is no engine behind it.

using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public class Object
    {
        public string name { get; set; } = "";
    }

    public class Component : Object { }

    public class Behaviour : Component { }

    public class MonoBehaviour : Behaviour { }

    public class Mesh : Object
    {
        public readonly List<string> Shapes = new List<string>();

        public int GetBlendShapeIndex(string blendShapeName)
        {
            return Shapes.IndexOf(blendShapeName);
        }
    }

    public class SkinnedMeshRenderer : Component
    {
        public readonly Dictionary<int, float> Weights = new Dictionary<int, float>();

        public Mesh sharedMesh { get; set; }

        public void SetBlendShapeWeight(int index, float value)
        {
            Weights[index] = value;
        }
    }

    public static class Time
    {
        public static float unscaledDeltaTime { get; set; }
    }

    public static class Mathf
    {
        public static float Exp(float power)
        {
            return (float)Math.Exp(power);
        }

        public static float Min(float one, float other)
        {
            return Math.Min(one, other);
        }
    }

    public static class Debug
    {
        public static void LogWarning(object message, Object context)
        {
            Console.WriteLine("warning " + message);
        }

        public static void LogException(Exception exception, Object context)
        {
            Console.WriteLine("exception " + exception.Message);
        }

        public static void LogError(object message, Object context)
        {
            Console.WriteLine("error " + message);
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AddComponentMenu : Attribute
    {
        public AddComponentMenu(string menuName) { }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TooltipAttribute : Attribute
    {
        public TooltipAttribute(string tooltip) { }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class RangeAttribute : Attribute
    {
        public RangeAttribute(float min, float max) { }
    }
}

namespace UnityEngine.Events
{
    public delegate void UnityAction();

    public delegate void UnityAction<T0>(T0 arg0);

    [Serializable]
    public class UnityEvent
    {
        UnityAction _calls;

        public void AddListener(UnityAction call)
        {
            _calls += call;
        }

        public void Invoke()
        {
            if (_calls != null) _calls();
        }
    }

    [Serializable]
    public abstract class UnityEvent<T0>
    {
        UnityAction<T0> _calls;

        public void AddListener(UnityAction<T0> call)
        {
            _calls += call;
        }

        public void Invoke(T0 arg0)
        {
            if (_calls != null) _calls(arg0);
        }
    }
}
