namespace V100.Turn;

/// <summary>An allocation of this process. The uppermost 16 bits of the value are its shard.</summary>
public readonly record struct AllocationId(ulong Value)
{
    public int Shard => (int)(Value >> 48);

    internal static AllocationId Create(int shard, ulong number) => new((ulong)shard << 48 | number & 0xFFFF_FFFF_FFFF);
}

public enum TurnCommandKind : byte
{
    /// <summary>End the allocation at once.</summary>
    Delete,
}

/// <summary>A control request to the shard that owns an allocation, through its mailbox. Safe to repeat.</summary>
public readonly record struct TurnCommand(TurnCommandKind Kind, AllocationId Allocation);
