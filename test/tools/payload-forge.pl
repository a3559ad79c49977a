#!/usr/bin/perl
# payload-forge.pl - a stored model with hostile contents and right checksums: hexadecimal in, many lines of hexadecimal out
#
# For every section: its first and its last element replaced by each of the values below, its last element cut off, the whole
# section left out.  Each line is one such model.  The layout is that of src/core/payload.h.
use strict;
use warnings;

my %hostile = (
	1 => ['00', 'ff'],
	4 => [qw(ffffffff 7fffffff 80000000 7f800000 7fc00000 ff7fffff 00000000)],
	8 => [qw(ffffffffffffffff 7fffffffffffffff 8000000000000000 7ff0000000000000 7ff8000000000000 c1e0000000000000 41dfffffffc00000 0000000000000000)],
);
my @table = map { my $c = $_; $c = $c & 1 ? $c >> 1 ^ 0x82f63b78 : $c >> 1 for 1 .. 8; $c } 0 .. 255;

sub crc32c
{
	my $crc = 0xffffffff;
	$crc = $crc >> 8 ^ $table[($crc ^ $_) & 255] for unpack 'C*', $_[0];
	return $crc ^ 0xffffffff;
}

my $bytes = pack 'H*', join '', map { s/\s//gr } <STDIN>;
my ($magic, $format, $sections) = unpack 'a8 V V', $bytes;
my @section = map {
	my ($name, $width, $crc, $offset, $length) = unpack 'Z24 V V Q< Q<', substr $bytes, 32 + 48 * $_, 48;
	[$name, $width, $crc, substr $bytes, $offset, $length]
} 0 .. $sections - 1;

sub show
{
	my $at = 32 + 48 * @_;
	my ($directory, $body) = ('', '');
	for (@_) {
		my ($name, $width, $crc, $data) = @$_;
		my $gap = -$at % 64;
		$body .= "\0" x $gap . $data;
		$directory .= pack 'a24 V V Q< Q<', $name, $width, $crc // crc32c($data), $at + $gap, length $data;
		$at += $gap + length $data;
	}
	my $n = @_;
	my $head = sub { pack 'a8 V V Q< V V', $magic, $format, $n, $at, $_[0], 0 };
	print unpack('H*', $head->(crc32c($head->(0) . $directory)) . $directory . $body), "\n";
}

sub with
{
	my ($which, $data) = @_;
	my @other = @section;
	$other[$which] = [@{$section[$which]}[0, 1], undef, $data];
	show(@other);
}

for my $s (0 .. $#section) {
	my ($name, $width, $crc, $data) = @{$section[$s]};
	show(@section[grep { $_ != $s } 0 .. $#section]);
	next if length $data < $width;
	with($s, substr $data, 0, length($data) - $width);
	for my $value (@{$hostile{$width} // []}) {
		for my $place (0, length($data) - $width) {
			my $changed = $data;
			substr($changed, $place, $width) = reverse pack 'H*', $value;
			with($s, $changed);
		}
	}
	# Parameters stand one after another in one section: each of them.
	next if $name ne 'parameters';
	for my $place (1 .. length($data) / $width - 2) {
		for my $value (@{$hostile{$width}}) {
			my $changed = $data;
			substr($changed, $place * $width, $width) = reverse pack 'H*', $value;
			with($s, $changed);
		}
	}
}
