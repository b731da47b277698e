using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using V100.Sfu.Rooms;

namespace V100.Server.Control;

/// <summary>One client's stream of server-sent events (WHATWG HTML, 9.2): takes its room's ticks and writes them as fast as the client reads.</summary>
/// <remarks>
/// <see cref="RunAsync"/> is the request's own task and the only one that writes. Others wake it: the room, <see cref="EventStreams"/> when it has been quiet
/// for long or must end, and the client that goes away.
/// </remarks>
internal sealed class EventStream : TickListener
{
    public const string MediaType = "text/event-stream";

    /// <summary>So much is written before it is flushed: a client that is behind has more to come.</summary>
    private const int FlushBytes = 32 * 1024;

    /// <summary>Longer than what stands around the JSON of an event.</summary>
    private const int MaxFrameLength = 40 + TickId.MaxLength;

    private readonly HttpContext _context;
    private readonly EventStreams _streams;
    private readonly Channel<bool> _wakeups = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });
    private long _lastWrite;
    private long _stalledSince = long.MaxValue;
    private bool _hasEnded;
    private volatile bool _mustBeat;
    private volatile string? _endReason;

    /// <param name="context">The request.</param>
    /// <param name="streams">All streams of the server.</param>
    /// <param name="expiresAt">When its token is not taken any more; <see cref="DateTimeOffset.MaxValue"/> for never.</param>
    public EventStream(HttpContext context, EventStreams streams, DateTimeOffset expiresAt)
    {
        _context = context;
        _streams = streams;
        _lastWrite = streams.Time.GetTimestamp();
        ExpiresAt = expiresAt;
    }

    public DateTimeOffset ExpiresAt { get; }

    /// <summary>For how long nothing has been written.</summary>
    public TimeSpan Quiet => _streams.Time.GetElapsedTime(Volatile.Read(ref _lastWrite));

    /// <summary>More was written than the client, and what stands between, takes now.</summary>
    public bool IsStalled => Volatile.Read(ref _stalledSince) != long.MaxValue;

    public TimeSpan StalledFor => Volatile.Read(ref _stalledSince) is var since and not long.MaxValue ? _streams.Time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>Writes a comment, so that the client, and what stands between, sees that the stream lives.</summary>
    public void Beat()
    {
        _mustBeat = true;
        Wake();
    }

    /// <summary>Ends it, with an event that says why.</summary>
    public void End(string reason)
    {
        _endReason = reason;
        Wake();
    }

    /// <summary>Ends it without a word, for the client would not take one.</summary>
    public void Abort() => _context.Abort();

    protected override void Wake() => _wakeups.Writer.TryWrite(true);

    /// <summary>Returns when the room, the server, the token or the client ends it.</summary>
    public async Task RunAsync()
    {
        PipeWriter writer = _context.Response.BodyWriter;
        using CancellationTokenRegistration gone = _context.RequestAborted.UnsafeRegister(static stream => ((EventStream)stream!).Wake(), this);

        await _context.Response.StartAsync(CancellationToken.None).ConfigureAwait(false);

        // How long a client waits before it comes back (WHATWG HTML, 9.2.6); it shows a proxy the first bytes too.
        writer.Write("retry: 2000\n\n"u8);
        while (!_context.RequestAborted.IsCancellationRequested)
        {
            bool isMore = WriteNews(writer);
            if (!await FlushAsync(writer).ConfigureAwait(false) || _hasEnded)
            {
                return;
            }

            if (!isMore)
            {
                await _wakeups.Reader.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    /// <summary>False where the client is gone.</summary>
    private async ValueTask<bool> FlushAsync(PipeWriter writer)
    {
        long now = _streams.Time.GetTimestamp();
        Volatile.Write(ref _lastWrite, now);
        ValueTask<FlushResult> flush = writer.FlushAsync();
        if (!flush.IsCompleted)
        {
            Volatile.Write(ref _stalledSince, now);
        }

        FlushResult result = await flush.ConfigureAwait(false);
        Volatile.Write(ref _stalledSince, long.MaxValue);
        return !result.IsCompleted && !result.IsCanceled;
    }

    /// <summary>Writes what there is. True where more is left.</summary>
    private bool WriteNews(PipeWriter writer)
    {
        if (_endReason is { } reason)
        {
            WriteEnd(writer, reason);
            return false;
        }

        if (_mustBeat)
        {
            _mustBeat = false;
            writer.Write(":\n\n"u8);
            _streams.Count(EventCounter.Heartbeats);
        }

        int written = 0;
        while (written < FlushBytes && TryPeek(out TickEvent next))
        {
            if (next.Kind == TickEventKind.Behind)
            {
                _streams.Count(EventCounter.FellBehind);
                _streams.Conference.RefreshListener(this);
                return false;
            }

            written += Write(writer, in next);
            if (_hasEnded)
            {
                return false;
            }
        }

        return written >= FlushBytes;
    }

    /// <summary>Writes one event whole; 0 where it was dropped before it could be taken.</summary>
    private int Write(PipeWriter writer, in TickEvent next)
    {
        Span<byte> frame = writer.GetSpan(next.Length + MaxFrameLength);
        int length = Put(frame, 0, "id: "u8);
        length += next.Id.Format(frame[length..]);
        length = Put(frame, length, next.Kind switch
        {
            TickEventKind.Snapshot => "\nevent: snapshot\ndata: "u8,
            TickEventKind.End => "\nevent: end\ndata: "u8,
            _ => "\nevent: tick\ndata: "u8,
        });
        if (!TryTake(in next, frame.Slice(length, next.Length)))
        {
            return 0;
        }

        length = Put(frame, length + next.Length, "\n\n"u8);
        writer.Advance(length);
        _hasEnded = next.Kind == TickEventKind.End;
        _streams.Count(next.Kind == TickEventKind.Snapshot ? EventCounter.Snapshots : next.Kind == TickEventKind.End ? EventCounter.Ended : EventCounter.Ticks);
        return length;
    }

    private void WriteEnd(PipeWriter writer, string reason)
    {
        writer.Write("event: end\ndata: {\"reason\":\""u8);
        writer.Write(System.Text.Encoding.ASCII.GetBytes(reason));
        writer.Write("\"}\n\n"u8);
        _hasEnded = true;
        _streams.Count(EventCounter.Ended);
    }

    private static int Put(Span<byte> frame, int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(frame[at..]);
        return at + text.Length;
    }
}
