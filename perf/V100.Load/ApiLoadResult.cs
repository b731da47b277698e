namespace V100.Load;

/// <summary>What a run of <see cref="ApiLoad"/> found; latencies from when a request was due, in microseconds.</summary>
internal sealed record ApiLoadResult
{
    public required double Seconds { get; init; }
    public required long Requests { get; init; }
    public required double RequestsPerSecond { get; init; }

    /// <summary>Answers other than the expected.</summary>
    public required long Failures { get; init; }
    public required string? FirstFailure { get; init; }
    public required double ReadP50Us { get; init; }
    public required double ReadP99Us { get; init; }
    public required double ReadP999Us { get; init; }
    public required double CreateP50Us { get; init; }
    public required double CreateP99Us { get; init; }
    public required double CreateP999Us { get; init; }
    public double? ServerUsPerRequest { get; init; }

    public override string ToString() => new ResultText()
        .Line($"{Requests:N0} requests in {Seconds:0.0} s, {RequestsPerSecond:N0}/s, {Failures} failed")
        .LineIf(FirstFailure is not null, $"first failure: {FirstFailure}")
        .Latency("reads", ReadP50Us, ReadP99Us, ReadP999Us)
        .Latency("POST of a room", CreateP50Us, CreateP99Us, CreateP999Us)
        .LineIf(ServerUsPerRequest is not null, $"server {ServerUsPerRequest:0} us of processor time per request")
        .ToString();
}
