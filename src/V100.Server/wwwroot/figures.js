/** What this browser alone knows of a session, out of getStats. */
export async function readFigures(connection) {
  const found = { picture: null, fps: null, outgoingBps: null, roundTripMs: null };
  (await connection.getStats()).forEach(report => {
    if ((report.type === "inbound-rtp" || report.type === "outbound-rtp") && report.kind === "video" && report.frameWidth > (found.picture?.width ?? 0)) {
      found.picture = { width: report.frameWidth, height: report.frameHeight };
      found.fps = report.framesPerSecond ?? 0;
    }
    if (report.type === "candidate-pair" && report.state === "succeeded" && report.currentRoundTripTime !== undefined) {
      found.roundTripMs = report.currentRoundTripTime * 1000;
      found.outgoingBps = report.availableOutgoingBitrate ?? found.outgoingBps;
    }
  });
  return found;
}
