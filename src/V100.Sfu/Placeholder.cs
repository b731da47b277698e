namespace V100.Sfu; internal static class Placeholder;
