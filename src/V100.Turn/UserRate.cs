using V100.Net;

namespace V100.Turn;

/// <summary>
/// The rate of one user (<see cref="TurnSettings.MaxBitsPerSecondPerUser"/>, as it is at the time), for the bytes of joined connections:
/// they cannot be dropped as datagrams are, so whoever copies them waits. Any thread may call it.
/// </summary>
public sealed class UserRate
{
    private readonly UserAccount _account;
    private readonly TurnServer _server;

    internal UserRate(UserAccount account, TurnServer server)
    {
        _account = account;
        _server = server;
    }

    private long BitsPerSecond => _server.Settings.MaxBitsPerSecondPerUser;

    /// <summary>Counts bytes that were read. What goes beyond the rate is owed: until then the user's datagrams are dropped.</summary>
    public void Use(int bytes, Instant now) => _account.Use(bytes, BitsPerSecond, now);

    /// <summary>How long from now on nothing more may be read; 0 or less for no longer. Another splice of the user may make it longer meanwhile.</summary>
    public TimeSpan Pause(Instant now) => BitsPerSecond == 0 ? TimeSpan.Zero : _account.RateUsedUntil - TurnQuotas.Burst - now;
}
