using System.Diagnostics;
using System.Globalization;

namespace V100.Load;

/// <summary>The calls of a <see cref="Soak"/>: whoever is there may leave, and whoever left is replaced.</summary>
internal sealed class SoakChurn : IDisposable
{
    private const int Addresses = 2000;
    private static readonly string[] _layers = ["l", "m", "h"];
    private static readonly TimeSpan _publisherLife = TimeSpan.FromSeconds(60);

    private readonly SoakOptions _options;
    private readonly ClientDriver _driver = new(Addresses);
    private readonly ControlClient _control;
    private readonly ChurningClients _clients;
    private readonly Random _random = new(1);
    private readonly List<ChurningClient> _subscribers = [];
    private readonly ChurningClient?[] _publishers;
    private int _identities;
    private long _joins;
    private long _leaves;
    private long _silentLeaves;
    private long _layerSwitches;
    private long _restarts;

    public SoakChurn(SoakOptions options, MeasuredServer server, ControlClient control)
    {
        _options = options;
        _control = control;
        _publishers = new ChurningClient?[options.Rooms];
        PublishAndPlayOptions calls = PublishAndPlayOptions.Parse(
        [
            "--url", server.ControlUrl.ToString(), "--key", MeasuredServer.Key, "--secret", MeasuredServer.Secret, "--shape", "call", "--fps", "10", "--kbps", "300",
        ]) with { Shape = TrafficShape.Simulcast };
        _clients = new ChurningClients(control, _driver, calls);
    }

    public long Failures { get; private set; }

    public string? LastFailure { get; private set; }

    public string Counts => string.Create(
        CultureInfo.InvariantCulture,
        $"{_joins} joins, {_leaves} leaves, {_silentLeaves} without a word, {_layerSwitches} layer switches, {_restarts} ICE restarts, {Failures} failed");

    /// <summary>Changes at an even rate, one after the other.</summary>
    public async Task RunAsync(long began)
    {
        long publishersFrom = began;
        int nextPublisher = 0;
        for (long turn = 0; ; turn++)
        {
            var due = TimeSpan.FromSeconds((double)turn / _options.ChangesPerSecond);
            if (due >= _options.Duration)
            {
                return;
            }

            TimeSpan early = due - Stopwatch.GetElapsedTime(began);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early).ConfigureAwait(false);
            }

            bool replaces = Stopwatch.GetElapsedTime(publishersFrom) > _publisherLife / _options.Rooms;
            publishersFrom = replaces ? Stopwatch.GetTimestamp() : publishersFrom;
            await TryAsync(() => replaces || turn < _options.Rooms ? ReplacePublisherAsync(nextPublisher++ % _options.Rooms) : ChangeAsync()).ConfigureAwait(false);
        }
    }

    /// <summary>By DELETE, of the rooms too: an empty one stays for a while.</summary>
    public async Task LeaveAllAsync()
    {
        foreach (ChurningClient client in _subscribers.Concat(_publishers.OfType<ChurningClient>()))
        {
            await TryAsync(() => _clients.LeaveAsync(client)).ConfigureAwait(false);
        }

        for (int room = 0; room < _options.Rooms; room++)
        {
            await TryAsync(() => _control.DeleteRoomAsync(RoomName(room))).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _driver.Dispose();
        _clients.Dispose();
    }

    private async Task TryAsync(Func<Task> change)
    {
        try
        {
            await change().ConfigureAwait(false);
        }
        catch (LoadFailedException failure)
        {
            Failures++;
            LastFailure = failure.Message;
        }
    }

    private async Task ReplacePublisherAsync(int room)
    {
        if (_publishers[room] is { } former)
        {
            _publishers[room] = null;
            _leaves++;
            await _clients.LeaveAsync(former).ConfigureAwait(false);
        }

        _publishers[room] = await _clients.PublishAsync(RoomName(room), PublisherName(room)).ConfigureAwait(false);
        _joins++;
    }

    private Task ChangeAsync()
    {
        int wanted = _options.Rooms * _options.Subscribers;
        if (_subscribers.Count == 0 || (_subscribers.Count < wanted && _random.Next(2) == 0))
        {
            return JoinAsync();
        }

        ChurningClient client = _subscribers[_random.Next(_subscribers.Count)];
        switch (_random.Next(5))
        {
            case 0:
                _leaves++;
                _subscribers.Remove(client);
                return _clients.LeaveAsync(client);
            case 1 when _random.Next(2) == 0:
                _silentLeaves++;
                _subscribers.Remove(client);
                _clients.Vanish(client);
                return Task.CompletedTask;
            case 2:
                _restarts++;
                return _clients.RestartIceAsync(client);
            default:
                _layerSwitches++;
                return _clients.LimitLayerAsync(client, _layers[_random.Next(_layers.Length)]);
        }
    }

    private async Task JoinAsync()
    {
        int room = _random.Next(_options.Rooms);
        _subscribers.Add(await _clients.PlayAsync(
            RoomName(room), string.Create(CultureInfo.InvariantCulture, $"subscriber-{_identities++}"), PublisherName(room)).ConfigureAwait(false));
        _joins++;
    }

    private static string RoomName(int room) => string.Create(CultureInfo.InvariantCulture, $"soak-{room}");

    private static string PublisherName(int room) => string.Create(CultureInfo.InvariantCulture, $"publisher-{room}");
}
