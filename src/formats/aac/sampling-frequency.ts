/** ISO/IEC 14496-3 table 1.18: samples per second by index. 13 and 14 are reserved, 15 stands for a written number. */
export const samplingFrequencies: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
