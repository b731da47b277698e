namespace V100.Server;

/// <summary>Whether the server is about to stop: it then takes no new sessions and waits for the last one.</summary>
internal sealed class DrainState
{
    private volatile bool _draining;

    public bool IsDraining => _draining;

    /// <summary>True for the first call only.</summary>
    public bool TryBegin() => !Interlocked.Exchange(ref _draining, true);
}
