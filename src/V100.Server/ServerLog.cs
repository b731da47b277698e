namespace V100.Server;

/// <summary>Every log line of the server, with a stable event id: 1xxx the process, 2xxx HTTP, 3xxx listeners, 4xxx sessions.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1001, LogLevel.Information, "V100 {Version} is ready after {StartMs} ms: HTTP {Url}, UDP port {UdpPort}, TCP port {TcpPort}")]
    public static partial void Ready(ILogger log, string version, long startMs, string url, int udpPort, int tcpPort);

    [LoggerMessage(1002, LogLevel.Information, "Draining: waiting for {Sessions} sessions, at most {TimeoutSeconds} s; a second SIGTERM stops at once")]
    public static partial void Draining(ILogger log, int sessions, int timeoutSeconds);

    [LoggerMessage(1003, LogLevel.Information, "Stopping with {Sessions} sessions left: {Reason}")]
    public static partial void Stopping(ILogger log, int sessions, string reason);

    [LoggerMessage(1004, LogLevel.Information, "Secrets and certificates were read again: {ApiKeys} API keys, {TurnSecrets} TURN secrets")]
    public static partial void Reloaded(ILogger log, int apiKeys, int turnSecrets);

    [LoggerMessage(1005, LogLevel.Error, "The configuration was not read again: {Error}")]
    public static partial void ReloadFailed(ILogger log, string error);

    [LoggerMessage(2001, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(ILogger log, string method, string path, Exception exception);

    [LoggerMessage(3001, LogLevel.Debug, "A TCP connection from {Remote} was closed: {Reason}")]
    public static partial void StreamClosed(ILogger log, string remote, string reason);
}
