using V100.Server.Connections;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Server;

/// <summary>Every log line of the server, with a stable event id: 1xxx the process, 2xxx HTTP, 3xxx listeners, 4xxx sessions, 5xxx the store and what is in it.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1001, LogLevel.Information, "V100 {Version} is ready after {StartMs} ms: HTTP {Url}, UDP port {UdpPort}, TCP port {TcpPort}")]
    public static partial void Ready(ILogger log, string version, long startMs, string url, int udpPort, int tcpPort);

    [LoggerMessage(1002, LogLevel.Information, "Draining: waiting for {Sessions} sessions and {Allocations} TURN allocations, at most {TimeoutSeconds} s; a second SIGTERM stops at once")]
    public static partial void Draining(ILogger log, int sessions, int allocations, int timeoutSeconds);

    [LoggerMessage(1003, LogLevel.Information, "Stopping with {Sessions} sessions and {Allocations} TURN allocations left: {Reason}")]
    public static partial void Stopping(ILogger log, int sessions, int allocations, string reason);

    [LoggerMessage(1004, LogLevel.Information, "Secrets and certificates were read again: {ApiKeys} API keys, {TurnSecrets} TURN secrets")]
    public static partial void Reloaded(ILogger log, int apiKeys, int turnSecrets);

    [LoggerMessage(1005, LogLevel.Error, "The configuration was not read again: {Error}")]
    public static partial void ReloadFailed(ILogger log, string error);

    [LoggerMessage(2001, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(ILogger log, string method, string path, Exception exception);

    [LoggerMessage(1006, LogLevel.Information, "{Workers} workers on UDP port {Port}, {Backend} sockets, buffers of {ReceiveBytes} and {SendBytes} bytes")]
    public static partial void WorkersStarted(ILogger log, int workers, V100.Net.Sockets.UdpBackend backend, int port, int receiveBytes, int sendBytes);

    [LoggerMessage(1007, LogLevel.Warning, "The UDP buffers have only {Bytes} bytes, so bursts will be lost: raise net.core.rmem_max and net.core.wmem_max to 8388608")]
    public static partial void SmallBuffers(ILogger log, int bytes);

    [LoggerMessage(1009, LogLevel.Warning, "Only {Fit} TURN allocations fit at a time, not the {MaxAllocations} of V100:Turn:MaxAllocations: each takes a descriptor (and one more where its client has a connection), and RLIMIT_NOFILE is {Limit}. Raise its hard limit to {Needed}: LimitNOFILE of systemd, --ulimit nofile of Docker, or ulimit -n")]
    public static partial void FewDescriptors(ILogger log, int fit, int maxAllocations, long limit, long needed);

    [LoggerMessage(5001, LogLevel.Error, "The store {Path} refused a transaction of {Writes} writes: {Reason}")]
    public static partial void StoreFailed(ILogger log, string path, int writes, string reason);

    [LoggerMessage(EventId = 5004, Message = "Audit: {Key} {Subject} {Method} {Path} {Status} from {Remote}")]
    public static partial void Audited(ILogger log, LogLevel level, string key, string subject, string method, string path, int status, string remote);

    [LoggerMessage(5002, LogLevel.Error, "{Capacity} writes wait for the store {Path}: more are dropped until it has taken some")]
    public static partial void StoreQueueFull(ILogger log, string path, int capacity);

    [LoggerMessage(5003, LogLevel.Warning, "Another process uses the store {Path}: webhooks that wait in it are left to that one")]
    public static partial void StoreShared(ILogger log, string path);

    [LoggerMessage(4001, LogLevel.Information, "Session {Session} opened: {Role} by {Identity} in {Room}")]
    public static partial void SessionOpened(ILogger log, SessionId session, SessionRole role, string identity, string room);

    [LoggerMessage(4002, LogLevel.Information, "Session {Session} connected on worker {Worker}")]
    public static partial void SessionConnected(ILogger log, SessionId session, int worker);

    [LoggerMessage(4003, LogLevel.Information, "Session {Session} of {Identity} in {Room} closed: {Reason}")]
    public static partial void SessionClosed(ILogger log, SessionId session, string identity, string room, PeerCloseReason reason);

    [LoggerMessage(4004, LogLevel.Warning, "The trace to {Path} ended: {Reason}")]
    public static partial void TraceEnded(ILogger log, string path, string reason);

    [LoggerMessage(3001, LogLevel.Debug, "A TCP connection from {Remote} was closed: {Reason}")]
    public static partial void StreamClosed(ILogger log, string remote, ConnectionCloseReason reason);
}
