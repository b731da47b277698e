using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>Which encodings anybody takes, and which of those that are silent may come back.</summary>
internal sealed partial class ReceivedTrack
{
    /// <summary>What a publisher has to begin again with an encoding that is wanted; one that does not has stopped it by itself.</summary>
    private static readonly TimeSpan WakeTime = TimeSpan.FromSeconds(4);

    private EncodingWishes? _wishes;
    private Instant[] _wantedAt = [];
    private bool[] _isRefused = [];

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
            _wantedAt = new Instant[_encodings.Length];
            _isRefused = new bool[_encodings.Length];
            Array.Fill(_wantedAt, now);
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
        _wantedAt[index] = isWanted && !figures.IsWanted ? now : _wantedAt[index];
        figures.IsWanted = isWanted;
        if (figures.Packets == 0 || figures.IsSentAt(now))
        {
            figures.IsResting = _isRefused[index] = false;
        }
        else if (!isWanted)
        {
            figures.IsResting = !_isRefused[index];
        }
        else if (now - _wantedAt[index] > WakeTime)
        {
            figures.IsResting = false;
            _isRefused[index] = true;
        }
    }
}
