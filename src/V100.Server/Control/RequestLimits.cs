using System.Net;
using System.Threading.RateLimiting;
using V100.Server.Configuration;

namespace V100.Server.Control;

/// <summary>
/// How many requests a second an address may make, and an API key with all tokens that it signed: a token bucket for each, with a second's
/// worth in it. Health checks are not counted, or whoever floods an address would take the server out of its load balancer.
/// </summary>
internal sealed class RequestLimits : IDisposable
{
    /// <summary>
    /// Addresses share so many buckets, by a hash that no client can know: a table that no flood of addresses grows. Two that meet in one bucket
    /// share its rate.
    /// </summary>
    private const int AddressBuckets = 65_536;

    /// <summary>Of an IPv6 address, what one subscriber is given: /64.</summary>
    private const int PrefixBytes = 8;

    private readonly int _perAddress;
    private readonly int _perKey;
    private readonly PartitionedRateLimiter<int> _addresses;
    private readonly PartitionedRateLimiter<string> _keys;

    public RequestLimits(ServerOptions options)
    {
        _perAddress = options.RequestsPerSecondPerAddress;
        _perKey = options.RequestsPerSecondPerKey;
        _addresses = PartitionedRateLimiter.Create<int, int>(bucket => RateLimitPartition.Get(bucket, _ => Bucket(_perAddress)));
        _keys = PartitionedRateLimiter.Create<string, string>(key => RateLimitPartition.Get(key, _ => Bucket(_perKey)));
    }

    /// <summary>True where the request has been answered with 429.</summary>
    public async ValueTask<bool> RefusedByAddressAsync(HttpContext context)
    {
        if (_perAddress == 0 || context.Request.Path.Value is "/healthz" or "/readyz")
        {
            return false;
        }

        using RateLimitLease lease = _addresses.AttemptAcquire(BucketOf(context.Connection.RemoteIpAddress));
        return await RefusedAsync(context, lease, $"More than {_perAddress} requests a second come from this address (V100:Http:RequestsPerSecondPerAddress).")
            .ConfigureAwait(false);
    }

    /// <summary>The same for an API key that has been verified: there are no more of these than are configured.</summary>
    public async ValueTask<bool> RefusedByKeyAsync(HttpContext context, string key)
    {
        if (_perKey == 0)
        {
            return false;
        }

        using RateLimitLease lease = _keys.AttemptAcquire(key);
        return await RefusedAsync(context, lease, $"More than {_perKey} requests a second come with this API key and its tokens (V100:Http:RequestsPerSecondPerKey).")
            .ConfigureAwait(false);
    }

    public void Dispose()
    {
        _addresses.Dispose();
        _keys.Dispose();
    }

    private static async ValueTask<bool> RefusedAsync(HttpContext context, RateLimitLease lease, string detail)
    {
        if (lease.IsAcquired)
        {
            return false;
        }

        // RFC 6585, 4.
        int seconds = lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait) ? Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)) : 1;
        await Problem.TooManyAsync(context, "too-many-requests", detail, seconds).ConfigureAwait(false);
        return true;
    }

    private static TokenBucketRateLimiter Bucket(int perSecond)
    {
        int tokens = Math.Max(1, perSecond / 10);
        return new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
        {
            TokenLimit = perSecond,
            TokensPerPeriod = tokens,
            ReplenishmentPeriod = TimeSpan.FromSeconds((double)tokens / perSecond),
            AutoReplenishment = false, // The partitions' one timer does it.
            QueueLimit = 0,
        });
    }

    private static int BucketOf(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address is null || !address.TryWriteBytes(bytes, out int length))
        {
            return 0;
        }

        // An IPv4 address in an IPv6 one (RFC 4291, 2.5.5.2) is that address: all of them have the same first 64 bits.
        var hash = new HashCode();
        hash.AddBytes(address.IsIPv4MappedToIPv6 ? bytes[12..] : length == 16 ? bytes[..PrefixBytes] : bytes[..length]);
        return hash.ToHashCode() & (AddressBuckets - 1);
    }
}
