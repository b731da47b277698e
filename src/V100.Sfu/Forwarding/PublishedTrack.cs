using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// One track that a participant publishes: what its subscribers, on any shard, need to know of it. The object is
/// shared; each member says who writes it.
/// </summary>
public sealed class PublishedTrack
{
    /// <summary>Shards that can forward one track; more workers than this are refused at the start.</summary>
    public const int MaxShards = 64;

    private readonly TrackFanout?[] _fanouts;
    private readonly uint[] _taken;
    private ulong _subscriberShards;
    private int _publisherShard = -1;
    private readonly SoundingTracks? _sounding;
    private int _wakeLevel = NeverWakes;
    private int _isSounding;
    private bool _isAmongLoudest = true;
    private bool _isPlayedAlone;
    private bool _isOfActiveSpeaker;
    private int _hold;

    /// <param name="id">Its name.</param>
    /// <param name="section">The publisher's media section as negotiated: codecs, payload types, extension ids.</param>
    /// <param name="streamId">The stream that the publisher put it in (RFC 8830), so that audio and video of one stream stay together.</param>
    /// <param name="shardCount">How many shards there are.</param>
    /// <param name="sounding">Who is told of <see cref="WakeLevel"/>; null for nobody.</param>
    public PublishedTrack(TrackId id, MediaSection section, string streamId, int shardCount, SoundingTracks? sounding = null)
    {
        _sounding = sounding;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shardCount, MaxShards);
        Id = id;
        Section = section;
        StreamId = streamId;
        _fanouts = new TrackFanout?[shardCount];
        _taken = new uint[shardCount];
        Encodings = Array.ConvertAll(section.Encodings, encoding => new EncodingFigures(encoding.Rid));
        Figures = new TrackFigures(Encodings);
    }

    public TrackId Id { get; }
    public MediaSection Section { get; }
    public MediaKind Kind => Section.Kind;
    public string StreamId { get; }

    /// <summary>What it shows, as far as its place tells: <see cref="TrackSourceOrder"/>.</summary>
    public TrackSources Source { get; init; }

    /// <summary>Figures of the publisher's side, written by the shard that receives the track.</summary>
    public TrackFigures Figures { get; }

    /// <summary>The same of each of <see cref="MediaSection.Encodings"/>.</summary>
    public EncodingFigures[] Encodings { get; }

    /// <summary>The shard that receives the track, or -1 before the publisher is connected. Written by that shard.</summary>
    public int PublisherShard
    {
        get => Volatile.Read(ref _publisherShard);
        internal set => Volatile.Write(ref _publisherShard, value);
    }

    /// <summary>The receiving end, for <see cref="PublisherShard"/> alone.</summary>
    internal ReceivedTrack? Receiver { get; set; }

    /// <summary>Why it goes to nobody: the receiving shard drops what comes. Written by the room layer.</summary>
    public TrackHold Hold
    {
        get => (TrackHold)Volatile.Read(ref _hold);
        internal set => Volatile.Write(ref _hold, (int)value);
    }

    /// <summary>No level is as loud.</summary>
    internal const int NeverWakes = int.MaxValue;

    /// <summary>The loudness of its last packets (RFC 6464). Written by the receiving shard.</summary>
    public AudioLevels Levels { get; } = new();

    /// <summary>A level as loud as this (0 to 127) is told to the room layer, which does not listen meanwhile. Written by the room layer.</summary>
    internal int WakeLevel
    {
        get => Volatile.Read(ref _wakeLevel);
        set => Volatile.Write(ref _wakeLevel, value);
    }

    /// <summary>Its place among the tracks of <see cref="SoundingTracks"/>.</summary>
    internal PublishedTrack? NextSounding { get; set; }

    /// <summary>Of the tracks with sound in its room it is one of those that go to subscribers. Written by the room layer.</summary>
    public bool IsAmongLoudest
    {
        get => Volatile.Read(ref _isAmongLoudest);
        internal set => Volatile.Write(ref _isAmongLoudest, value);
    }

    /// <summary>A participant plays nothing but this track's publisher: then it goes to the subscribers, loud or not. Written by the room layer.</summary>
    public bool IsPlayedAlone
    {
        get => Volatile.Read(ref _isPlayedAlone);
        internal set => Volatile.Write(ref _isPlayedAlone, value);
    }

    /// <summary>Its publisher is the room's dominant speaker. Written by the room layer.</summary>
    public bool IsOfActiveSpeaker
    {
        get => Volatile.Read(ref _isOfActiveSpeaker);
        internal set => Volatile.Write(ref _isOfActiveSpeaker, value);
    }

    /// <summary>The receiving shard's side.</summary>
    /// <param name="extension">The value of a packet's header extension.</param>
    internal void RecordAudioLevel(byte extension)
    {
        Levels.Record(extension);
        bool wakes = 127 - (extension & 0x7F) >= WakeLevel;
        if (wakes && _sounding is not null && Interlocked.Exchange(ref _isSounding, 1) == 0)
        {
            _sounding.Add(this);
        }
    }

    /// <summary>The room layer's side: takes this track out of <see cref="SoundingTracks"/>, and tells which comes behind it.</summary>
    internal PublishedTrack? TakeNextSounding()
    {
        PublishedTrack? next = NextSounding;
        NextSounding = null;
        Volatile.Write(ref _isSounding, 0);
        return next;
    }

    /// <summary>One bit for each shard that has subscribers. Each shard sets and clears its own.</summary>
    internal ulong SubscriberShards => Volatile.Read(ref _subscriberShards);

    /// <summary>One bit for each encoding that somebody takes, or wants to switch to, on any shard. Each shard writes its own word.</summary>
    internal uint TakenEncodings
    {
        get
        {
            uint taken = 0;
            for (int shard = 0; shard < _taken.Length; shard++)
            {
                taken |= Volatile.Read(ref _taken[shard]);
            }

            return taken;
        }
    }

    internal void SetTaken(int shard, uint encodings) => Volatile.Write(ref _taken[shard], encodings);

    /// <summary>The fan-out on <paramref name="shard"/>, or null. Only that shard calls this.</summary>
    internal TrackFanout? FanoutOn(int shard) => _fanouts[shard];

    internal void SetFanout(int shard, TrackFanout? fanout)
    {
        _fanouts[shard] = fanout;
        if (fanout is null)
        {
            Interlocked.And(ref _subscriberShards, ~(1UL << shard));
        }
        else
        {
            Interlocked.Or(ref _subscriberShards, 1UL << shard);
        }
    }
}
