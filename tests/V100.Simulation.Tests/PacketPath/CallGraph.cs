using System.Reflection;
using System.Reflection.Emit;

namespace V100.Simulation.PacketPath;

/// <summary>
/// All methods of the given assemblies that can be reached from some roots, read from their IL: calls, constructors, delegates, and
/// for a virtual or interface method everything that implements it. What is outside of the assemblies is listed and not entered.
/// </summary>
internal sealed class CallGraph
{
    private static readonly Dictionary<short, OpCode> _opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private readonly HashSet<Assembly> _assemblies;
    private readonly Type[] _types;
    private readonly Queue<MethodBase> _left = new();

    public CallGraph(params Assembly[] assemblies)
    {
        _assemblies = [.. assemblies];
        _types = [.. assemblies.SelectMany(assembly => assembly.GetTypes())];
    }

    public HashSet<MethodBase> Reached { get; } = [];

    /// <summary>Calls that leave the assemblies: from which method, to which.</summary>
    public HashSet<(MethodBase Caller, MethodBase Callee)> External { get; } = [];

    public void Walk(IEnumerable<MethodBase> roots)
    {
        foreach (MethodBase root in roots)
        {
            Reach(root);
        }

        while (_left.TryDequeue(out MethodBase? method))
        {
            Read(method);
        }
    }

    public static IEnumerable<MethodBase> MethodsOf(Type type, params string[] names)
    {
        MethodInfo[] methods = [.. type.GetMethods(Declared).Where(method => names.Contains(method.Name))];
        foreach (string name in names)
        {
            Assert.True(Array.Exists(methods, method => method.Name == name), $"{type.Name} has no {name}");
        }

        return methods;
    }

    private void Reach(MethodBase method)
    {
        if (!Reached.Add(Definition(method)))
        {
            return;
        }

        _left.Enqueue(Definition(method));
        if (method.IsConstructor && IsIterator(method.DeclaringType!))
        {
            foreach (MethodInfo step in method.DeclaringType!.GetMethods(Declared))
            {
                Reach(step);
            }
        }
    }

    /// <summary>
    /// What the compiler makes of a method that yields. Its steps are reached with the method, which makes it; not by the name of MoveNext,
    /// which every loop over an interface calls.
    /// </summary>
    private static bool IsIterator(Type type) =>
        type.Name.StartsWith('<') && typeof(System.Collections.IEnumerator).IsAssignableFrom(type);

    /// <summary>The method as written: with type parameters in the place of arguments.</summary>
    private static MethodBase Definition(MethodBase method) =>
        method.DeclaringType is { IsGenericType: true } or null || method.IsGenericMethod ? method.Module.ResolveMethod(method.MetadataToken)! : method;

    private void Read(MethodBase caller)
    {
        if (caller.GetMethodBody()?.GetILAsByteArray() is not { } il)
        {
            return; // Abstract, or a function of the system.
        }

        for (int position = 0; position < il.Length;)
        {
            short value = il[position++];
            if (value == 0xFE)
            {
                value = (short)(0xFE00 | il[position++]);
            }

            OpCode code = _opCodes[value];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineTok)
            {
                Follow(caller, BitConverter.ToInt32(il, position));
            }

            position += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, position),
                _ => 4,
            };
        }
    }

    private void Follow(MethodBase caller, int token)
    {
        MemberInfo? member = caller.Module.ResolveMember(
            token,
            caller.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null,
            caller.IsGenericMethod ? caller.GetGenericArguments() : null);
        if (member is not MethodBase callee)
        {
            return;
        }

        if (_assemblies.Contains(callee.Module.Assembly))
        {
            Reach(callee);
        }
        else
        {
            External.Add((caller, callee));
        }

        if (callee is MethodInfo { IsVirtual: true, IsFinal: false } overridable)
        {
            ReachImplementations(overridable);
        }
    }

    private void ReachImplementations(MethodInfo declared)
    {
        Type declaring = declared.DeclaringType!;
        Type definition = declaring.IsGenericType ? declaring.GetGenericTypeDefinition() : declaring;
        foreach (Type type in _types)
        {
            if (IsIterator(type))
            {
                continue;
            }

            if (definition.IsInterface && type is { IsInterface: false } && Array.Exists(type.GetInterfaces(), implemented => Is(implemented, definition)))
            {
                // By name: which overload implements which, a map would tell; more is reached than can be, never less.
                ReachByName(type, declared.Name);
            }
            else if (Derives(type, definition))
            {
                ReachByName(type, declared.Name);
            }
        }
    }

    private void ReachByName(Type type, string name)
    {
        foreach (MethodInfo method in type.GetMethods(Declared))
        {
            if (method.IsVirtual && (method.Name == name || method.Name.EndsWith("." + name, StringComparison.Ordinal)))
            {
                Reach(method);
            }
        }
    }

    private static bool Derives(Type type, Type ancestor)
    {
        for (Type? parent = type.BaseType; parent is not null; parent = parent.BaseType)
        {
            if (Is(parent, ancestor))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Is(Type type, Type definition) => (type.IsGenericType ? type.GetGenericTypeDefinition() : type) == definition;
}
