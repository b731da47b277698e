namespace V100.Stun; internal static class Placeholder;
