using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Rooms;

/// <summary>A room in which anything happens, in any order: few names, so that they come and go and come back.</summary>
internal sealed class RandomRoom(Random random, RoomTick room)
{
    private static readonly string[] _identities = ["a", "b", "c \"d\"", "é", "f"];
    private readonly List<TrackId> _tracks = [];
    private int _nextTrack;

    public void Change()
    {
        string identity = _identities[random.Next(_identities.Length)];
        string subscription = $"TR_s{random.Next(6)}";
        TrackId track = _tracks.Count == 0 ? default : _tracks[random.Next(_tracks.Count)];
        switch (random.Next(16))
        {
            case 0 or 1:
                room.Joined(identity, random.Next(2) == 0 ? null : "name", null, DateTimeOffset.UnixEpoch.AddSeconds(random.Next(100)));
                break;
            case 2:
                room.Left(identity);
                break;
            case 3:
                room.Updated(identity, $"name {random.Next(3)}", random.Next(2) == 0 ? null : "metadata");
                break;
            case 4 or 5:
                _tracks.Add(new TrackId(++_nextTrack));
                room.Published(
                    identity, _tracks[^1], random.Next(2) == 0 ? MediaKind.Audio : MediaKind.Video, "camera", random.Next(2) == 0 ? [""] : ["q", "h", "f"], random.Next(2) == 0);
                break;
            case 6:
                room.Unpublished(track);
                break;
            case 7:
                room.Muted(track, random.Next(2) == 0);
                break;
            case 8:
                room.Wanted(track, (uint)random.Next(8));
                break;
            case 9 or 10:
                room.Level(new TrackId(random.Next(_nextTrack + 1)), random.Next(-5, 140));
                break;
            case 11:
                room.Speakers(random.Next(3) == 0 ? null : identity, [.. _identities.Where(_ => random.Next(2) == 0), identity]);
                break;
            case 12:
                room.Paused(identity, subscription, random.Next(2) == 0 ? track : null, random.Next(2) == 0 ? AllocationReason.EstimateTooLow : AllocationReason.PausedByClient);
                break;
            case 13:
                room.Resumed(subscription);
                break;
            case 14:
                room.Unsubscribed(subscription);
                break;
            default:
                Rate(identity, subscription, track);
                break;
        }
    }

    private void Rate(string identity, string subscription, TrackId track)
    {
        double score = random.NextDouble() * 6;
        switch (random.Next(3))
        {
            case 0:
                room.ParticipantQuality(identity, score);
                break;
            case 1:
                room.TrackQuality(track, score);
                break;
            default:
                room.SubscriptionQuality(identity, subscription, score);
                break;
        }
    }
}
