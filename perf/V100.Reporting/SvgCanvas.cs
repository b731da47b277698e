using System.Globalization;
using System.Net;
using System.Text;

namespace V100.Reporting;

/// <summary>Where a text's point lies.</summary>
internal enum TextAnchor
{
    Start,
    Middle,
    End,
}

/// <summary>A standalone SVG file in the making: it has its own colours for light and for dark surroundings, and needs nothing beside it.</summary>
/// <param name="width">In pixels.</param>
/// <param name="height">In pixels.</param>
/// <param name="title">What a screen reader says.</param>
internal sealed class SvgCanvas(double width, double height, string title)
{
    /// <summary>So many series are told apart by colour.</summary>
    public const int SeriesColours = 6;

    // Wider than most letters of a common sans-serif at 12 pixels.
    private const double LetterWidth = 6.8;

    private const string Style = """
        text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}.faint{fill:#59636e}
        .back{fill:#fff}.grid{stroke:#d1d9e0}.axis{stroke:#818b98}.mark{stroke:#24292f}
        .s0{--c:#0969da}.s1{--c:#bc4c00}.s2{--c:#1a7f37}.s3{--c:#8250df}.s4{--c:#bf3989}.s5{--c:#7d6200}.bad{--c:#cf222e}.ref{--c:#9aa4af}
        .fill{fill:var(--c)}.line{stroke:var(--c);fill:none;stroke-width:2;stroke-linejoin:round}.guide{stroke-dasharray:6 5}
        @media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.back{fill:#0d1117}.grid{stroke:#2f353d}.axis{stroke:#656c76}.mark{stroke:#e6edf3}
        .s0{--c:#4493f8}.s1{--c:#f0883e}.s2{--c:#3fb950}.s3{--c:#ab7df8}.s4{--c:#f778ba}.s5{--c:#d29922}.bad{--c:#f85149}.ref{--c:#656c76}}
        """;

    private readonly StringBuilder _body = new();

    public static double WidthOf(string text) => text.Length * LetterWidth;

    public void Text(double x, double y, string text, TextAnchor anchor = TextAnchor.Start, string style = "", double turnedDegrees = 0)
    {
        string turned = turnedDegrees == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" transform=\"rotate({turnedDegrees} {x:0.#} {y:0.#})\"");
        Add($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor.ToString().ToLowerInvariant()}\" class=\"{style}\"{turned}>{Escape(text)}</text>");
    }

    public void Rectangle(double x, double y, double width, double height, string style)
        => Add($"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{width:0.##}\" height=\"{height:0.#}\" class=\"{style}\"/>");

    public void Line(double x1, double y1, double x2, double y2, string style, double thickness = 1)
        => Add($"<line x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\" class=\"{style}\" stroke-width=\"{thickness:0.#}\"/>");

    public void Dot(double x, double y, string style) => Add($"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"3\" class=\"{style}\"/>");

    public void Path(IEnumerable<(double X, double Y)> points, string style)
    {
        string corners = string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.#},{point.Y:0.#}")));
        Add($"<polyline points=\"{corners}\" class=\"{style}\"/>");
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:0} {height:0}\" width=\"{width:0}\" height=\"{height:0}\" role=\"img\"><title>{Escape(title)}</title>\n<style>{Style}</style>\n<rect width=\"100%\" height=\"100%\" class=\"back\"/>\n{_body}</svg>\n");

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private void Add(FormattableString element) => _body.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
