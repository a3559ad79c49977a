#!/usr/bin/perl
# payload-drop.pl REGEXP - a stored model without the sections whose names match: hexadecimal in, hexadecimal out
#
# For models as earlier releases wrote them.  The layout is that of src/core/payload.h.
use strict;
use warnings;

my ($drop) = @ARGV;
my @table = map { my $c = $_; $c = $c & 1 ? $c >> 1 ^ 0x82f63b78 : $c >> 1 for 1 .. 8; $c } 0 .. 255;

sub crc32c
{
	my $crc = 0xffffffff;
	$crc = $crc >> 8 ^ $table[($crc ^ $_) & 255] for unpack 'C*', $_[0];
	return $crc ^ 0xffffffff;
}

my $bytes = pack 'H*', join '', map { s/\s//gr } <STDIN>;
my ($magic, $format, $sections) = unpack 'a8 V V', $bytes;
my @kept;
for my $i (0 .. $sections - 1) {
	my ($name, $width, $crc, $offset, $length) = unpack 'Z24 V V Q< Q<', substr $bytes, 32 + 48 * $i, 48;
	push @kept, [$name, $width, $crc, substr $bytes, $offset, $length] unless $name =~ /$drop/;
}
die "no section matches $drop\n" if @kept == $sections;

my $at = 32 + 48 * @kept;
my ($directory, $body) = ('', '');
for (@kept) {
	my ($name, $width, $crc, $data) = @$_;
	my $gap = -$at % 64;
	$body .= "\0" x $gap . $data;
	$directory .= pack 'a24 V V Q< Q<', $name, $width, $crc, $at + $gap, length $data;
	$at += $gap + length $data;
}
my $head = sub { pack 'a8 V V Q< V V', $magic, $format, scalar @kept, $at, $_[0], 0 };
print unpack('H*', $head->(crc32c($head->(0) . $directory)) . $directory . $body), "\n";
