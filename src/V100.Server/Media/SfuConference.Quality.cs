using V100.Server.Control;
using V100.Sfu.Quality;
using V100.Sfu.Rooms;

namespace V100.Server.Media;

/// <summary>Quality of experience: what the room layer has scored, and what clients say.</summary>
internal sealed partial class SfuConference
{
    public ValueTask<Listing<ParticipantQualityView>?> ListQualityAsync(string room, Page page, DateTimeOffset? since, CancellationToken cancellation) =>
        new(plane.Use((rooms, now) =>
        {
            var clock = new QualityViews(now, time.GetUtcNow(), since);
            return rooms.TryGetRoom(room, out Room found) ? Cut(found.List(page.After, page.Limit + 1), page.Limit, clock.Of) : null;
        }));

    public void TakeBeacon(string session, in ClientBeacon beacon)
    {
        ClientBeacon said = beacon;
        plane.Use((rooms, now) =>
        {
            if (TryFind(rooms, session, out Session found))
            {
                RoomDirectory.HandleBeacon(found, in said, now);
            }

            return true;
        });
    }
}
