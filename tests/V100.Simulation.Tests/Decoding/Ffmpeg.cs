using System.Diagnostics;
using System.Text;

namespace V100.Simulation.Decoding;

/// <summary>The encoders and decoders of Debian's ffmpeg (libvpx, libaom, libdav1d), as child processes that run to their end.</summary>
internal static class Ffmpeg
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(10);

    /// <summary>Runs it, and returns its output; anything on its error output fails.</summary>
    public static string Run(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ffmpeg", ["-nostdin", "-v", "error", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = new StringBuilder();
        process.ErrorDataReceived += (_, line) => errors.AppendLine(line.Data);
        process.BeginErrorReadLine();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(_limit))
        {
            process.Kill();
        }

        process.WaitForExit();
        string said = errors.ToString().Trim();
        Assert.True(process.ExitCode == 0 && said.Length == 0, $"ffmpeg {string.Join(' ', arguments)}\nended with {process.ExitCode}: {said}");
        return output.GetAwaiter().GetResult();
    }

    /// <summary>Decodes a file, where every error is fatal, and returns a hash of each frame's pixels.</summary>
    public static string[] Decode(string file)
    {
        // Frames keep the sizes that they have, of whichever encoding they are.
        string hashes = Run("-xerror", "-err_detect", "explode", "-i", file, "-autoscale", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-");
        return [.. hashes.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(',')[^1].Trim())];
    }
}
