using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

/// <summary>What of a thing has changed since the last tick.</summary>
[Flags]
internal enum TickChanges
{
    None = 0,

    /// <summary>It came, or became another in what it is made of.</summary>
    Itself = 1,
    Gone = 2,
    Muted = 4,
    Wanted = 8,
    Level = 16,
    Paused = 32,
    Score = 64,
}

/// <summary>A participant, track or subscription as the listeners of a room know it, with what never changes of it encoded.</summary>
internal abstract class TickEntry
{
    /// <summary>No score yet.</summary>
    public const int NoScore = 0;

    public TickChanges Changes { get; set; }

    /// <summary>The listeners know of it.</summary>
    public bool IsTold { get; set; }
    public bool IsGone { get; set; }

    /// <summary>In hundredths.</summary>
    public int Score { get; set; } = NoScore;
}

internal sealed class TickParticipant : TickEntry
{
    public TickParticipant(string identity, DateTimeOffset joinedAt)
    {
        Identity = identity;
        JoinedAt = joinedAt;
        Quoted = TickJson.Quote(identity);
    }

    public string Identity { get; }
    public DateTimeOffset JoinedAt { get; }
    public byte[] Quoted { get; }

    /// <summary><c>"identity":…,"name":…,"metadata":…,"joinedAt":…</c></summary>
    public byte[] Fields { get; private set; } = [];

    public List<TickTrack> Tracks { get; } = [];
    public List<TickSubscription> Subscriptions { get; } = [];

    public void Describe(string? name, string? metadata) => Fields = TickJson.Fields(writer =>
    {
        TickJson.WriteString(writer, "identity", Identity);
        TickJson.WriteString(writer, "name", name);
        TickJson.WriteString(writer, "metadata", metadata);
        writer.WriteString("joinedAt", JoinedAt);
    });
}

internal sealed class TickTrack : TickEntry
{
    public TickTrack(TickParticipant owner, TrackId id, MediaKind kind, string source, ReadOnlySpan<string> rids)
    {
        Owner = owner;
        Id = id;
        Kind = kind;
        Quoted = TickJson.Quote(id.ToString());
        Rids = [.. rids];
        QuotedRids = Array.ConvertAll(Rids, TickJson.Quote);
        Wanted = (1u << Rids.Length) - 1;
        Fields = TickJson.Fields(writer =>
        {
            writer.WriteString("trackId", Id.ToString());
            writer.WriteString("kind", kind == MediaKind.Audio ? "audio" : "video");
            writer.WriteString("source", source);
            writer.WriteStartArray("layers");
            foreach (string rid in Rids)
            {
                writer.WriteStringValue(rid);
            }

            writer.WriteEndArray();
        });
    }

    public TickParticipant Owner { get; }
    public TrackId Id { get; }
    public MediaKind Kind { get; }
    public byte[] Quoted { get; }

    /// <summary><c>"trackId":…,"kind":…,"source":…,"layers":[…]</c></summary>
    public byte[] Fields { get; }
    public string[] Rids { get; }
    public byte[][] QuotedRids { get; }
    public bool IsMuted { get; set; }

    /// <summary>One bit for each of <see cref="Rids"/> that anybody takes.</summary>
    public uint Wanted { get; set; }

    /// <summary>0 to 127, the loudest.</summary>
    public int Level { get; set; }
}

internal sealed class TickSubscription(TickParticipant owner, string id) : TickEntry
{
    public TickParticipant Owner { get; } = owner;
    public string Id { get; } = id;
    public byte[] Quoted { get; } = TickJson.Quote(id);

    /// <summary>What it plays, where that is known.</summary>
    public TickTrack? Track { get; set; }
    public bool IsPaused { get; set; }

    /// <summary>Why it is paused.</summary>
    public AllocationReason Reason { get; set; }
}
