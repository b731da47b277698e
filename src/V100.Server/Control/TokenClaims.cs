using System.Buffers;
using System.Text.Json;

namespace V100.Server.Control;

/// <summary>The payload of a token as it stands on the wire; <see cref="Judge"/> makes an <see cref="AccessToken"/> of it.</summary>
internal readonly struct TokenClaims
{
    // RFC 7519, 2: NumericDate. Later than the year 9999 is no date.
    private const double MaxUnixSeconds = 253_402_300_799;

    private readonly AccessToken _token;
    private readonly bool _hasExpiry;

    private TokenClaims(AccessToken token, bool hasExpiry)
    {
        _token = token;
        _hasExpiry = hasExpiry;
    }

    public string? Issuer => _token?.Issuer;

    public static bool TryRead(byte[] payload, out TokenClaims claims)
    {
        claims = default;
        if (!JsonFields.TryParse(payload, out JsonFields fields))
        {
            return false;
        }

        using (fields)
        {
            string? issuer = fields.String("iss", 1, 64);
            string? subject = fields.String("sub", 0, 128);
            double? expiry = fields.Number("exp", 0, MaxUnixSeconds);
            double? notBefore = fields.Number("nbf", 0, MaxUnixSeconds);
            string? name = fields.String("name", 0, 1024);
            string? metadata = fields.String("metadata", 0, AccessToken.MaxLength);
            VideoGrant video = fields.TryGet("video", out JsonElement element) ? ReadGrant(fields, element) : new VideoGrant();
            if (fields.Error is not null || issuer is null)
            {
                return false;
            }

            claims = new TokenClaims(
                new AccessToken
                {
                    Issuer = issuer,
                    Subject = subject ?? "",
                    ExpiresUnixSeconds = (long)(expiry ?? 0),
                    NotBeforeUnixSeconds = notBefore is null ? null : (long)Math.Ceiling(notBefore.Value),
                    Name = name,
                    Metadata = metadata,
                    Video = video,
                },
                expiry is not null);
            return true;
        }
    }

    public AccessToken? Judge(long nowUnixSeconds, out TokenRefusal refusal)
    {
        refusal = !_hasExpiry ? TokenRefusal.NoExpiry
            // RFC 7519, 4.1.4: not on or after exp. 4.1.5: not before nbf.
            : nowUnixSeconds >= _token.ExpiresUnixSeconds + AccessToken.LeewaySeconds ? TokenRefusal.Expired
            : nowUnixSeconds < (_token.NotBeforeUnixSeconds ?? 0) - AccessToken.LeewaySeconds ? TokenRefusal.NotYetValid
            : TokenRefusal.None;
        return refusal == TokenRefusal.None ? _token : null;
    }

    public static byte[] Write(AccessToken token)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("iss"u8, token.Issuer);
            WriteOptional(writer, "sub", token.Subject.Length == 0 ? null : token.Subject);
            writer.WriteNumber("exp"u8, token.ExpiresUnixSeconds);
            if (token.NotBeforeUnixSeconds is long notBefore)
            {
                writer.WriteNumber("nbf"u8, notBefore);
            }

            WriteOptional(writer, "name", token.Name);
            WriteOptional(writer, "metadata", token.Metadata);
            writer.WriteStartObject("video"u8);
            WriteGrant(writer, token.Video);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static VideoGrant ReadGrant(JsonFields parent, JsonElement element)
    {
        JsonFields fields = parent.Nested("video", element);
        string? room = fields.String("room", 0, 128);
        VideoGrant grant = new()
        {
            RoomJoin = fields.Flag("roomJoin") ?? false,
            Room = string.IsNullOrEmpty(room) ? null : room,
            CanPublish = fields.Flag("canPublish"),
            CanSubscribe = fields.Flag("canSubscribe"),
            CanPublishData = fields.Flag("canPublishData"),
            CanPublishSources = fields.Strings("canPublishSources", 16, null),
            RoomCreate = fields.Flag("roomCreate") ?? false,
            RoomList = fields.Flag("roomList") ?? false,
            RoomAdmin = fields.Flag("roomAdmin") ?? false,
            RoomRecord = fields.Flag("roomRecord") ?? false,
        };
        parent.TakeError(fields);
        return grant;
    }

    private static void WriteGrant(Utf8JsonWriter writer, VideoGrant grant)
    {
        WriteFlag(writer, "roomJoin", grant.RoomJoin ? true : null);
        WriteOptional(writer, "room", grant.Room);
        WriteFlag(writer, "canPublish", grant.CanPublish);
        WriteFlag(writer, "canSubscribe", grant.CanSubscribe);
        WriteFlag(writer, "canPublishData", grant.CanPublishData);
        if (grant.CanPublishSources is not null)
        {
            writer.WriteStartArray("canPublishSources"u8);
            foreach (string source in grant.CanPublishSources)
            {
                writer.WriteStringValue(source);
            }

            writer.WriteEndArray();
        }

        WriteFlag(writer, "roomCreate", grant.RoomCreate ? true : null);
        WriteFlag(writer, "roomList", grant.RoomList ? true : null);
        WriteFlag(writer, "roomAdmin", grant.RoomAdmin ? true : null);
        WriteFlag(writer, "roomRecord", grant.RoomRecord ? true : null);
    }

    private static void WriteOptional(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    private static void WriteFlag(Utf8JsonWriter writer, string name, bool? value)
    {
        if (value is not null)
        {
            writer.WriteBoolean(name, value.Value);
        }
    }
}
