using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

/// <summary>
/// The tracks in which something is heard while nobody listens to their room: shards put them here, the room layer takes them. So rooms in which
/// nobody says anything cost nothing, however many there are.
/// </summary>
/// <remarks>A stack without locks: any thread adds, one thread takes all at once. A track is in it once at most.</remarks>
public sealed class SoundingTracks
{
    private PublishedTrack? _newest;

    internal void Add(PublishedTrack track)
    {
        PublishedTrack? newest = Volatile.Read(ref _newest);
        while (true)
        {
            track.NextSounding = newest;
            PublishedTrack? seen = Interlocked.CompareExchange(ref _newest, track, newest);
            if (seen == newest)
            {
                return;
            }

            newest = seen;
        }
    }

    /// <summary>All that were added; the rest of them by <see cref="PublishedTrack.TakeNextSounding"/>. Null for none.</summary>
    internal PublishedTrack? TakeAll() => Volatile.Read(ref _newest) is null ? null : Interlocked.Exchange(ref _newest, null);
}
