using V100.Server.Control;
using V100.Sfu.Rooms;

namespace V100.Server.Media;

/// <summary>Permissions from the words of tokens and of the API to those of rooms, and back.</summary>
internal static class GrantedPermissions
{
    public static ParticipantPermissions Of(VideoGrant grant) => new(
        grant.CanPublish != false, grant.CanSubscribe != false, grant.CanPublishData != false, SourcesOf(grant.CanPublishSources));

    public static ParticipantPermissions Change(in ParticipantPermissions present, PermissionWish wish) => new(
        wish.CanPublish.Over(present.CanPublish) ?? true,
        wish.CanSubscribe.Over(present.CanSubscribe) ?? true,
        wish.CanPublishData.Over(present.CanPublishData) ?? true,
        wish.SourcesAreGiven ? SourcesOf(wish.Sources) : present.Sources);

    public static PermissionView ViewOf(in ParticipantPermissions permissions)
    {
        TrackSources sources = permissions.Sources;
        return new PermissionView(
            permissions.CanPublish,
            permissions.CanSubscribe,
            permissions.CanPublishData,
            [.. VideoGrant.Sources.Where(name => (SourceOf(name) & sources) != 0)]);
    }

    /// <summary>Null is every source; a name that is none lets nothing through.</summary>
    private static TrackSources SourcesOf(IReadOnlyList<string>? names) =>
        names is null ? TrackSources.All : names.Aggregate(TrackSources.None, (sources, name) => sources | SourceOf(name));

    private static TrackSources SourceOf(string name) => name switch
    {
        "camera" => TrackSources.Camera,
        "microphone" => TrackSources.Microphone,
        "screen_share" => TrackSources.ScreenShare,
        "screen_share_audio" => TrackSources.ScreenShareAudio,
        _ => TrackSources.None,
    };
}
