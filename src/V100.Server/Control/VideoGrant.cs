namespace V100.Server.Control;

/// <summary>
/// The <c>video</c> claim of a token: what its bearer may do. An absent <see cref="Room"/> means every room for
/// <see cref="RoomAdmin"/>, and none for <see cref="RoomJoin"/>.
/// </summary>
internal sealed record VideoGrant
{
    public static readonly string[] Sources = ["camera", "microphone", "screen_share", "screen_share_audio"];

    /// <summary>What an API key and its secret may do: everything.</summary>
    public static readonly VideoGrant Everything = new() { RoomCreate = true, RoomList = true, RoomAdmin = true, RoomRecord = true };

    public bool RoomJoin { get; init; }
    public string? Room { get; init; }

    /// <summary>Null means true where <see cref="RoomJoin"/> is; the same for the next two.</summary>
    public bool? CanPublish { get; init; }
    public bool? CanSubscribe { get; init; }
    public bool? CanPublishData { get; init; }

    /// <summary>Null means every source.</summary>
    public IReadOnlyList<string>? CanPublishSources { get; init; }
    public bool RoomCreate { get; init; }
    public bool RoomList { get; init; }
    public bool RoomAdmin { get; init; }
    public bool RoomRecord { get; init; }

    /// <summary>What <see cref="MayRead"/> asks for, in words.</summary>
    public const string ReadingGrants = "roomJoin, roomAdmin or roomList for this room";

    public bool MayRead(string room) => MayAdminister(room) || MayJoin(room) || RoomList && (Room is null || Room == room);
    public bool MayAdminister(string room) => RoomAdmin && (Room is null || Room == room);
    public bool MayJoin(string room) => RoomJoin && Room == room;
    public bool MayPublish(string room) => MayJoin(room) && CanPublish != false;
    public bool MaySubscribe(string room) => MayJoin(room) && CanSubscribe != false;
}
