using V100.Sfu.Sdp;

namespace V100.Sfu.Rtp;

/// <summary>
/// Reads the layers of one source whose codec may change in mid-stream: each codec counts its pictures in its own way, and here they go on
/// from one to the next. Packets of the codec before that come late keep their place.
/// </summary>
/// <remarks>As <see cref="PacketLayersReader"/>, of which it makes one for each change.</remarks>
public sealed class SourceLayersReader
{
    /// <summary>Between two codecs' pictures: more than anybody looks back.</summary>
    private const long Gap = 1 << 20;

    private Reading? _current;
    private Reading? _former;
    private long _newest;

    private sealed class Reading(CodecKind kind, SequenceNumber first)
    {
        public CodecKind Kind { get; } = kind;
        public SequenceNumber First { get; } = first;
        public PacketLayersReader Reader { get; } = new();

        /// <summary>What is added to its pictures; null before its first.</summary>
        public long? Shift { get; set; }
    }

    public bool TryRead(CodecKind codec, in RtpReader rtp, byte dependencyDescriptorId, out PacketLayers layers)
    {
        Reading reading = Find(codec, rtp.SequenceNumber);
        if (!reading.Reader.TryRead(codec, in rtp, dependencyDescriptorId, out layers))
        {
            return false;
        }

        long shift = reading.Shift ??= _former is null ? 0 : _newest + Gap - layers.Picture;
        layers = layers with { Picture = layers.Picture + shift };
        _newest = Math.Max(_newest, layers.Picture);
        return true;
    }

    private Reading Find(CodecKind codec, SequenceNumber sequence)
    {
        if (_current?.Kind == codec)
        {
            return _current;
        }

        if (_former?.Kind == codec && !sequence.IsNewerThan(_current!.First))
        {
            return _former;
        }

        _former = _current;
        return _current = new Reading(codec, sequence);
    }
}
