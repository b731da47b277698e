namespace V100.Sfu.Rooms;

/// <summary>What a participant may do in its room: by its tokens, or as an administrator has set it since.</summary>
/// <param name="CanPublish">Without it no track of the participant goes to anybody.</param>
/// <param name="CanSubscribe">Without it nothing is sent to the participant.</param>
/// <param name="CanPublishData">For data channels, which the server shows and does not have.</param>
/// <param name="Sources">The tracks that go to others.</param>
public readonly record struct ParticipantPermissions(bool CanPublish, bool CanSubscribe, bool CanPublishData, TrackSources Sources)
{
    public static ParticipantPermissions Everything { get; } = new(true, true, true, TrackSources.All);

    public bool MayPublish(TrackSources source) => CanPublish && (Sources & source) != 0;

    /// <summary>What either allows: a participant often has a token to publish and another one to play.</summary>
    public ParticipantPermissions Or(in ParticipantPermissions other) => new(
        CanPublish || other.CanPublish,
        CanSubscribe || other.CanSubscribe,
        CanPublishData || other.CanPublishData,
        Sources | other.Sources);
}
