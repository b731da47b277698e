using System.Globalization;

namespace V100.Load;

/// <summary>The files that Janus starts from: one event loop, JSON over HTTP on loopback, the video room, and nothing else.</summary>
internal static class JanusConfiguration
{
    private static readonly string[] _otherPlugins =
    [
        "audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom", "videocall", "voicemail",
    ];

    private static readonly string[] _otherTransports = ["mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets"];

    /// <summary>Writes them into a folder; what it says is a warning or worse.</summary>
    public static void Write(string folder, ushort controlPort, string mediaDevice)
    {
        File.WriteAllText(Path.Combine(folder, "janus.jcfg"), $$"""
            general: { configs_folder = "{{folder}}", events_folder = "{{folder}}/none", loggers_folder = "{{folder}}/none",
                debug_level = 2, session_timeout = 0, event_loops = 1 }
            media: { rtp_port_range = "30000-39999" }
            nat: { ice_lite = true, ice_enforce_list = "{{mediaDevice}}" }
            plugins: { disable = "{{Files(_otherPlugins)}}" }
            transports: { disable = "{{Files(_otherTransports)}}" }

            """);
        File.WriteAllText(Path.Combine(folder, "janus.transport.http.jcfg"), string.Create(CultureInfo.InvariantCulture, $$"""
            general: { json = "compact", base_path = "/janus", http = true, port = {{controlPort}}, ip = "127.0.0.1", https = false }
            admin: { admin_http = false, admin_https = false }

            """));
        File.WriteAllText(Path.Combine(folder, "janus.plugin.videoroom.jcfg"), "general: { string_ids = true }\n");
    }

    private static string Files(string[] names) => string.Join(',', names.Select(name => $"libjanus_{name}.so"));
}
