using V100.Net;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// What a publisher's sender report says of its clocks (RFC 3550, 6.4.1): one instant by both. It goes on to subscribers
/// shifted to their timestamps, never replaced by the time of arrival, or lips and voice drift apart.
/// </summary>
/// <param name="Encoding">Of the section's encodings.</param>
/// <param name="Generation">The source of the encoding that it is about; see <see cref="MediaPacket.Generation"/>.</param>
/// <param name="NtpTime">Seconds since 1900 in 32.32 fixed point, by the publisher's clock.</param>
/// <param name="RtpTimestamp">The same instant in the publisher's timestamps.</param>
/// <param name="At">The same instant by V100's clock, as near as the reports tell it (<see cref="PublisherClock"/>).</param>
public readonly record struct SourceClock(int Encoding, int Generation, ulong NtpTime, uint RtpTimestamp, Instant At);
