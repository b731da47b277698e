using V100.Net;

namespace V100.Turn;

/// <summary>What a client wanted of a peer.</summary>
public enum PeerUse : byte
{
    CreatePermission,
    ChannelBind,
    Send,
    Connect,
}

/// <summary>A peer that a client was refused.</summary>
public sealed record Denial(Instant At, string User, TransportAddress Client, TransportAddress Peer, PeerUse Use, PeerVerdict Verdict);

/// <summary>
/// The last peers that one shard refused, so that an operator sees why a call does not come about, or who tries what. The owner
/// writes, any thread reads; the oldest entry gives way.
/// </summary>
public sealed class DenialLog
{
    public const int Capacity = 256;

    private readonly Denial?[] _entries = new Denial?[Capacity];
    private int _next;

    /// <summary>The newest first.</summary>
    public IReadOnlyList<Denial> Read()
    {
        var denials = new List<Denial>(Capacity);
        int next = Volatile.Read(ref _next);
        for (int i = 1; i <= Capacity; i++)
        {
            if (Volatile.Read(ref _entries[(next - i) & (Capacity - 1)]) is { } denial)
            {
                denials.Add(denial);
            }
        }

        return denials;
    }

    internal void Add(Denial denial)
    {
        Volatile.Write(ref _entries[_next & (Capacity - 1)], denial);
        Volatile.Write(ref _next, _next + 1);
    }
}
