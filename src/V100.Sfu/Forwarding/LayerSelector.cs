using System.Diagnostics;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>How patient a <see cref="LayerSelector"/> is.</summary>
/// <param name="VanishTime">After this long without a packet an encoding counts as gone.</param>
/// <param name="SwitchTime">How long after its completion a key frame is still one to switch to while another encoding plays.</param>
/// <param name="ReplayTime">The same while nothing plays: everything since comes at once.</param>
public readonly record struct LayerPatience(TimeSpan VanishTime, TimeSpan SwitchTime, TimeSpan ReplayTime)
{
    public static LayerPatience Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(200));
}

/// <summary>
/// Decides for one subscription which packets of a track are sent: it follows the target from encoding to encoding and from layer to layer, so
/// that a decoder at the other end never lacks what a frame is predicted from, and never gets half a frame.
/// </summary>
/// <remarks>
/// Call <see cref="Decide"/> for each packet of every encoding, in the order of arrival, after the encoding's <see cref="KeyframeAssembly"/> has
/// seen it. At a <see cref="LayerAction.SwitchHere"/> the selector has switched: the caller replays the packets from there through
/// <see cref="Decide"/>. <see cref="NeedsKeyframeOf"/> says what to ask of the publisher.
///
/// Encodings change at a complete key frame of the other, spatial layers go up where the stream allows it and down with the next picture,
/// temporal layers go up at a switching point and down with the next frame. Nothing allocates.
/// </remarks>
public sealed partial class LayerSelector(LayerPatience patience)
{
    public const int MaxEncodings = 4;

    /// <summary>How long a frame that is being sent may hold up a switch.</summary>
    private static readonly TimeSpan FrameEndTime = TimeSpan.FromMilliseconds(50);

    private readonly Instant?[] _seenAt = new Instant?[MaxEncodings];
    private LayerTarget _target = LayerTarget.None;
    private int _encoding = -1;
    private int _generation;

    /// <summary>The picture that was begun last, and whether its last packet is still to come.</summary>
    private uint _timestamp;
    private bool _isOpen;

    public LayerSelector()
        : this(LayerPatience.Default)
    {
    }

    /// <summary>What is wanted. It may change at any time.</summary>
    public LayerTarget Target
    {
        get => _target;
        set => _target = value.Encoding < MaxEncodings ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "no such encoding");
    }

    /// <summary>What is sent now: the encoding, negative for none, and the highest layers that would be sent of it.</summary>
    public LayerTarget Current => _encoding < 0 ? LayerTarget.None : new LayerTarget(_encoding, CurrentSpatial, CurrentTemporal);

    /// <summary>Decides on one packet. Padding alone has no layers, and is not asked about.</summary>
    /// <param name="encoding">Of the packet, below <see cref="MaxEncodings"/>.</param>
    /// <param name="generation">Of the encoding's source: another one has other numbers.</param>
    /// <param name="sequence">Of the packet in its source.</param>
    /// <param name="layers">What was read of it.</param>
    /// <param name="keyframes">Of the encoding.</param>
    /// <param name="now">The time.</param>
    public LayerDecision Decide(
        int encoding, int generation, ExtendedSequence sequence, in PacketLayers layers, KeyframeAssembly keyframes, Instant now)
    {
        _seenAt[encoding] = now;
        if (encoding == _encoding && generation == _generation && !StopsAt(in layers))
        {
            return DecideWithin(in layers);
        }

        if (encoding == _encoding)
        {
            _encoding = -1;
        }

        if (!IsWanted(encoding, now) || !TryFindStart(encoding, sequence, in layers, keyframes, now, out ExtendedSequence first))
        {
            return default;
        }

        Begin(encoding, generation);
        return new LayerDecision(LayerAction.SwitchHere, First: first);
    }

    /// <summary>
    /// The encoding whose key frame would bring the subscription nearer to its target: to begin, to change encodings, or to take up a layer;
    /// -1 for none.
    /// </summary>
    public int NeedsKeyframeOf(Instant now)
    {
        if (_target.IsNone)
        {
            return -1;
        }

        bool plays = IsAlive(_encoding, now);
        if (!IsAlive(_target.Encoding, now))
        {
            // What was sent last goes on by itself when it comes back from a pause.
            int alive = FindAlive(now);
            return plays || alive == _encoding ? -1 : alive;
        }

        return !plays || _encoding != _target.Encoding || AwaitsKeyframe ? _target.Encoding : -1;
    }

    /// <summary>Nothing is sent until a key frame: the subscriber's numbers, codec or transport have begun anew.</summary>
    public void Restart() => _encoding = -1;

    /// <summary>A subscription that wants nothing any more stops between two pictures.</summary>
    private bool StopsAt(in PacketLayers layers) => _target.IsNone && (!_hasPicture || (int)(layers.Timestamp - _timestamp) > 0);

    private bool IsAlive(int encoding, Instant now) => encoding >= 0 && _seenAt[encoding] is Instant at && now - at <= patience.VanishTime;

    /// <summary>The encoding nearest to the target that has packets, lower ones first; the target itself when none has.</summary>
    private int FindAlive(Instant now)
    {
        for (int encoding = _target.Encoding - 1; encoding >= 0; encoding--)
        {
            if (IsAlive(encoding, now))
            {
                return encoding;
            }
        }

        for (int encoding = _target.Encoding + 1; encoding < MaxEncodings; encoding++)
        {
            if (IsAlive(encoding, now))
            {
                return encoding;
            }
        }

        return _target.Encoding;
    }

    /// <summary>
    /// The target; while nothing plays also what is below it, whose key frame may come first; and any that there is when the target itself
    /// has gone.
    /// </summary>
    private bool IsWanted(int encoding, Instant now)
    {
        if (_target.IsNone || encoding == _encoding && IsAlive(_encoding, now))
        {
            return false;
        }

        return encoding == _target.Encoding
            || !IsAlive(_encoding, now) && (encoding < _target.Encoding || !IsAlive(_target.Encoding, now));
    }

    private bool TryFindStart(
        int encoding, ExtendedSequence sequence, in PacketLayers layers, KeyframeAssembly keyframes, Instant now, out ExtendedSequence first)
    {
        // Where nothing is seen yet a key frame need not be complete: it begins as soon as it can.
        bool plays = IsAlive(_encoding, now) && _encoding != encoding;
        if (!plays && layers.StartsKeyframe)
        {
            first = sequence;
            return true;
        }

        first = keyframes.First;
        TimeSpan age = now - keyframes.CompletedAt;
        if (!keyframes.IsComplete || age > (plays ? patience.SwitchTime : patience.ReplayTime))
        {
            return false;
        }

        // The frame that is being sent goes first to its end.
        return !plays || !_isOpen || age >= FrameEndTime;
    }

    private void Begin(int encoding, int generation)
    {
        Debug.Assert(!_target.IsNone);
        _encoding = encoding;
        _generation = generation;
        _isOpen = false;
        _hasPicture = false;

        // Of an encoding below the target everything is less than what is wanted.
        bool isLower = encoding < _target.Encoding;
        _maxSpatial = isLower ? PacketLayers.MaxLayer : _target.Spatial;
        _maxTemporal = isLower ? PacketLayers.MaxLayer : _target.Temporal;
        StartLayers();
    }
}
