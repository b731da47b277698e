using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>Which encodings anybody takes, and which of those that are silent may come back.</summary>
internal sealed partial class ReceivedTrack
{
    /// <summary>What a publisher has to begin again with an encoding that is wanted; one that does not has stopped it by itself, or cannot afford it.</summary>
    private static readonly TimeSpan WakeTime = TimeSpan.FromSeconds(4);

    /// <summary>After that time it is asked for once more, and then after twice as long each time: an uplink may have recovered.</summary>
    private static readonly TimeSpan MinRefusal = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxRefusal = TimeSpan.FromMinutes(4);

    private EncodingWishes? _wishes;
    private Wish[] _perEncoding = [];

    /// <summary>Looks at what all shards take. A shard that takes more than before asks for a keyframe of it, so that is a time to look.</summary>
    private void UpdateWishes(Instant now)
    {
        if (_section.Kind != MediaKind.Video)
        {
            return;
        }

        if (_wishes is null)
        {
            _wishes = new EncodingWishes(now);
            _perEncoding = new Wish[_encodings.Length];
            Array.Fill(_perEncoding, new Wish { WantedAt = now });
        }

        bool isAnother = _wishes.Update(Track.TakenEncodings, now);
        if (isAnother)
        {
            _peer.TraceWish(Track, _wishes.Wanted & ((1u << _encodings.Length) - 1), now);
        }

        for (int index = 0; index < Math.Min(_encodings.Length, EncodingWishes.MaxEncodings); index++)
        {
            UpdateWish(index, (_wishes.Wanted & EncodingWishes.MaskOf(index)) != 0, now);
        }

        if (isAnother)
        {
            _peer.TellAdapted();
        }

        _peer.WakeAt(_wishes.NextDeadline);
    }

    private void UpdateWish(int index, bool isWanted, Instant now)
    {
        EncodingFigures figures = _encodings[index].Figures;
        ref Wish wish = ref _perEncoding[index];
        wish.WantedAt = isWanted && !figures.IsWanted ? now : wish.WantedAt;
        figures.IsWanted = isWanted;
        if (figures.Packets == 0 || figures.IsSentAt(now))
        {
            figures.IsResting = false;
            wish.Refusal = TimeSpan.Zero;
        }
        else if (!isWanted)
        {
            figures.IsResting = wish.Refusal == TimeSpan.Zero || now >= wish.RefusedUntil;
        }
        else if (now - wish.WantedAt > WakeTime && (figures.IsResting || wish.Refusal == TimeSpan.Zero))
        {
            figures.IsResting = false;
            wish.Refusal = wish.Refusal == TimeSpan.Zero ? MinRefusal : wish.Refusal * 2 > MaxRefusal ? MaxRefusal : wish.Refusal * 2;
            wish.RefusedUntil = now + wish.Refusal;
        }
    }

    /// <summary>How an encoding answered to being wanted.</summary>
    private struct Wish
    {
        public Instant WantedAt;
        public Instant RefusedUntil;

        /// <summary>Zero while it came whenever it was wanted.</summary>
        public TimeSpan Refusal;
    }
}
