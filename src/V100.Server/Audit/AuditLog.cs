using System.Net;
using V100.Server.Control;
using V100.Server.Storage;

namespace V100.Server.Audit;

/// <summary>
/// Who did what with administrative rights: every call under <c>/v1</c> by an API key, or by a token that may administer, create or list rooms, and
/// every call that was refused with 403 for want of such a right. No query, no body, no token and no secret is in it. A call with no valid credentials
/// is nobody's, and not in it: else a stranger could push out what is.
/// </summary>
internal sealed class AuditLog(Store store, TimeProvider time)
{
    private const int MaxPathLength = 512;

    private ILogger? _log;

    public void Start(ILogger log) => _log = log;

    /// <summary>An answered request.</summary>
    public void Record(HttpContext context)
    {
        if (context.Features.Get<Caller>() is not { } caller || !IsAdministrative(caller, context))
        {
            return;
        }

        string path = context.Request.Path.ToUriComponent();
        var entry = new AuditView(
            0, time.GetUtcNow(), caller.Key, caller.Identity, context.Request.Method, path.Length > MaxPathLength ? path[..MaxPathLength] : path,
            context.Response.StatusCode, Remote(context.Connection.RemoteIpAddress));
        store.TryPost(new Write(entry));
        if (_log is null)
        {
            return;
        }

        // Who only looks is not worth a line on every console.
        LogLevel level = HttpMethods.IsGet(entry.Method) || HttpMethods.IsHead(entry.Method) ? LogLevel.Debug : LogLevel.Information;
        ServerLog.Audited(_log, level, entry.Key, entry.Subject, entry.Method, entry.Path, entry.Status, entry.Remote);
    }

    private static string Remote(IPAddress? address) => address is null ? "" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    private static bool IsAdministrative(Caller caller, HttpContext context) =>
        caller.IsApiKey || caller.Video.RoomAdmin || caller.Video.RoomCreate || caller.Video.RoomList || context.Response.StatusCode == StatusCodes.Status403Forbidden;

    private sealed class Write(AuditView entry) : StoreWrite
    {
        public override void Apply(Statements statements) => AuditTable.Add(statements, entry);
    }
}
