using V100.Micro;

return Suite.Run(args);

namespace V100.Micro
{
    /// <summary>
    /// The performance suite: what each step of a packet's way costs, beside the least that OpenSSL or the kernel asks for it in the
    /// same run.
    /// </summary>
    /// <remarks>
    /// It times by its own code. The figures that matter are ratios of two things that take tens to thousands of nanoseconds on a
    /// machine whose speed wanders by half within a minute; a harness that measures one case to its end before the next
    /// begins gives a ratio of two different machines. And what a send costs is spent in the kernel and by the thread that
    /// calls it, so the thread's processor time counts and not the wall's. See <see cref="Interleaving"/>.
    /// </remarks>
    internal static class Suite
    {
        private const string Usage = """
            usage: V100.Micro [--quick] [--json FILE] [FILTER]

              --quick       fewer rounds: within a minute
              --json FILE   writes the rows there; without it they are printed
              FILTER        only rows whose "group: name" contains it
            """;

        public static int Run(string[] arguments)
        {
            bool quick = false;
            string? json = null;
            string filter = "";
            for (int index = 0; index < arguments.Length; index++)
            {
                switch (arguments[index])
                {
                    case "--quick":
                        quick = true;
                        break;
                    case "--json" when index + 1 < arguments.Length:
                        json = arguments[++index];
                        break;
                    case ['-', ..]:
                        Console.Error.WriteLine(Usage);
                        return arguments[index] == "--help" ? 0 : 2;
                    default:
                        filter = arguments[index];
                        break;
                }
            }

            return Run(quick ? new Interleaving(rounds: 61, 1_000_000) : new Interleaving(rounds: 501, 2_000_000), json, filter);
        }

        private static int Run(Interleaving measure, string? json, string filter)
        {
            Case[] cases =
            [
                .. StunCases.All.Concat(TurnCases.All).Concat(SrtpCases.All).Concat(RtpCases.All).Concat(ForwardCases.All).Concat(SessionCases.All).Concat(RoomCases.All)
                    .Where(what => $"{what.Group}: {what.Name}".Contains(filter, StringComparison.OrdinalIgnoreCase)),
            ];
            if (cases.Length == 0)
            {
                Console.Error.WriteLine($"No row's name contains \"{filter}\".");
                return 2;
            }

            var rows = new List<Row>();
            foreach (Case what in cases)
            {
                rows.Add(measure.Measure(what));
                if (json is null)
                {
                    Console.WriteLine(rows[^1]);
                }
            }

            if (json is not null)
            {
                Row.WriteJson(json, rows);
            }

            return 0;
        }
    }
}
