using System.Runtime.InteropServices;

namespace V100.Server;

/// <summary>
/// The signals of the process. SIGHUP reads secrets again. The first SIGTERM drains: no new sessions, and an end once the
/// last one is gone or the time is up. A second SIGTERM, and SIGINT at any time, end it at once, in order.
/// </summary>
internal sealed class ServerLifetime : IDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    private readonly ServerHost _host;
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly CancellationTokenSource _stopNow = new();
    private readonly TaskCompletionSource _drain = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServerLifetime(ServerHost host)
    {
        _host = host;
    }

    public void HandleSignals()
    {
        Handle(PosixSignal.SIGTERM, Terminate);
        Handle(PosixSignal.SIGINT, StopNow);
        Handle(PosixSignal.SIGQUIT, StopNow);
        Handle(PosixSignal.SIGHUP, () => _host.Reload());
    }

    /// <summary>What SIGTERM does.</summary>
    public void Terminate()
    {
        if (!_host.Plane.Drain.TryBegin())
        {
            StopNow();
            return;
        }

        _host.Plane.Relays.BeginDrain();
        ServerLog.Draining(_host.Log, _host.Plane.Conference.SessionCount, _host.Plane.Relays.AllocationCount, _host.Plane.Options.DrainTimeoutSeconds);
        _drain.TrySetResult();
    }

    /// <summary>What SIGINT does.</summary>
    public void StopNow()
    {
        _host.Plane.Drain.TryBegin();
        _stopNow.Cancel();
        _drain.TrySetResult();
    }

    /// <summary>Returns when the process may end: every session is closed and nothing listens any more.</summary>
    public async Task RunAsync()
    {
        await _drain.Task.ConfigureAwait(false);
        string reason = await DrainAsync().ConfigureAwait(false);
        ServerLog.Stopping(_host.Log, _host.Plane.Conference.SessionCount, _host.Plane.Relays.AllocationCount, reason);
        await _host.Plane.Conference.CloseAllAsync(CancellationToken.None).ConfigureAwait(false);
        await _host.StopAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _stopNow.Dispose();
    }

    private async Task<string> DrainAsync()
    {
        TimeProvider time = _host.Plane.Time;
        long begin = time.GetTimestamp();
        TimeSpan limit = TimeSpan.FromSeconds(_host.Plane.Options.DrainTimeoutSeconds);
        while (!_stopNow.IsCancellationRequested)
        {
            if (_host.Plane.Conference.SessionCount == 0 && _host.Plane.Relays.AllocationCount == 0)
            {
                return "the last session and allocation ended";
            }

            if (time.GetElapsedTime(begin) >= limit)
            {
                return "the drain's time is up";
            }

            try
            {
                await Task.Delay(PollInterval, time, _stopNow.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        return "told to stop at once";
    }

    private void Handle(PosixSignal signal, Action action) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        action();
    }));
}
