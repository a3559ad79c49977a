#!/usr/bin/env perl
# doc-examples.pl - the examples of a page of the manual: as a psql script, against what psql answered, or written anew
#
#   doc-examples.pl script PAGE          the examples as input for psql
#   doc-examples.pl compare PAGE OUTPUT  exit 1 and say what differs; prints how many examples there are
#   doc-examples.pl write PAGE OUTPUT    put what psql answered into the page
#   doc-examples.pl in-turn PAGE OUTPUT  exit 1 and say which examples ended in an error that the page does not show
#
# An example is a block fenced by ```sql and, next, one fenced by ```text: what is typed and what is answered.  It runs as
# the role analyst, or as the role named behind sql (```sql postgres).  All examples of a page run one after the other.
# A block of SQL without an answer is either a signature, function(arguments) → columns, as the catalogue must have it, or
# statements that must run without an error: as postgres, undone afterwards.  Those that need an extension which is not
# there, named in the environment's EXTENSIONS, are counted as skipped.
#
# Compared are words.  Numbers with a decimal point may differ as those of two kinds of CPU do.
use strict;
use warnings;

my ($command, $page, $output) = @ARGV;
die "usage: doc-examples.pl script|compare|write|in-turn PAGE [OUTPUT]\n" unless defined $page;

my $TOLERANCE = 0.002;    # of the number; and one in the last digit that is shown
my $NOTHING = 1e-9;       # so near to zero it is rounding's

sub slurp { my ($path) = @_; open my $f, '<:encoding(UTF-8)', $path or die "$path: $!\n"; local $/; return <$f>; }

binmode STDOUT, ':encoding(UTF-8)';
binmode STDERR, ':encoding(UTF-8)';
my $text = slurp($page);
my $lines = qr/(?:(?!```).*\n)*/;
my $example = qr/^```sql(?:[ ]+(\w+))?\n($lines)```\n\s*^```text\n($lines)```$/m;
my $block = qr/^```sql(?:[ ]+(\w+))?\n($lines)```\n(?:\s*^```text\n($lines)```$)?/m;

# What a block without an answer needs and is not to be had here; pg_cron's are run by test/server/340_three_ways.sh.
sub missing
{
	my ($sql) = @_;
	my %there = map { $_ => 1 } split ' ', $ENV{EXTENSIONS} // '';
	return 'pg_cron' if $sql =~ /\bcron\./;
	return grep { !$there{$_} } $sql =~ /CREATE EXTENSION (\w+)/g;
}

# name(arguments) → result, with what is variable in words: brackets around what may be left out, alternatives behind |, "the same
# arguments".  Every argument, default, column and number of columns that is named must be that function's, or an overload's.
sub signature_script
{
	my ($sql) = @_;
	my $type = qr/(?:promoai\.\w+|text|interval|int|bigint|float8|boolean|date|timestamptz)(?:\[\])?/;
	my @lines;
	while ($sql =~ /^(\w+)(\((?:[^()]|(?2))*\))(?:[ ]OVER[ ]\([^)]*\))?\s*\x{2192}\s*(.*?)(?=^\w+\(|\z)/msg)
	{
		my ($function, $arguments, $result) = ($1, $2, $3);
		my $must = sub {
			my ($what, $condition) = @_;
			push @lines, "SELECT 'ERROR: $function has no ' || \$say\$$what\$say\$ WHERE NOT EXISTS (SELECT FROM pg_proc p LEFT JOIN pg_type t ON t.oid = prorettype LEFT JOIN pg_attribute a ON attrelid = typrelid AND attnum > 0
				LEFT JOIN LATERAL unnest(coalesce(proallargtypes, proargtypes::oid[]), proargnames, proargmodes) x(argument_type, argument, mode) ON true
				WHERE pronamespace = 'promoai'::regnamespace AND proname = '$function' AND $condition);\n";
		};
		$must->('such name', 'true');
		while ($arguments =~ /[(,\[]\s*(\w+) ($type)(?: \| $type)*(?: DEFAULT ([^,)\]]+))?/g)
		{
			my ($name, $of, $default) = ($1, $2, $3);
			$must->("argument $name $of", "coalesce(argument, '$name') = '$name' AND argument_type = '$of'::regtype AND coalesce(mode, 'i') <> 't'");
			next unless defined $default;
			(my $plain = $default) =~ s/^'|'$//g;
			$plain = sprintf '%.*f', $1, $plain if $plain =~ /^\d+e-(\d+)$/; # as PostgreSQL writes it
			$must->("default $default of $name", "pg_get_function_arguments(p.oid) LIKE ANY (ARRAY['%$name ' || format_type('$of'::regtype, NULL) || ' DEFAULT $plain%', '%$name ' || format_type('$of'::regtype, NULL) || ' DEFAULT ''$plain%'])");
		}
		$must->("$1 columns", "$1 = (SELECT count(*) FROM unnest(proargmodes) m WHERE m IN ('o', 't'))") if $result =~ /(\d+) columns/;
		$result =~ s/\s+$//;
		my @columns = $result =~ /^\s*(?:\w+(?: $type)?,\s*)+\w+ $type\s*$/ ? split /,\s*/, $result : ();
		for (@columns)
		{
			my ($name, $of) = split;
			$must->("column $_", "(argument = '$name'" . ($of ? " AND argument_type = '$of'::regtype" : '') . " OR attname = '$name'" . ($of ? " AND atttypid = '$of'::regtype" : '') . ')');
		}
		$must->("result $result", "prorettype = '$1'::regtype") if $result =~ /^($type)\s*$/;
		push @lines, "SELECT 'ERROR: what $function gives is not understood';\n" unless @columns || $result =~ /^(?:$type)\s*$|columns/;
	}
	return join '', @lines, @lines ? () : "SELECT 'ERROR: this signature is not understood';\n";
}

sub silent_script
{
	my ($sql) = @_;
	return signature_script($sql) if $sql =~ /^\w+\(/;
	my $before = $sql =~ /CREATE EXTENSION promoai/ ? "DROP EXTENSION promoai CASCADE;\nDROP SCHEMA promoai;\n" : '';
	return "BEGIN;\n$before$sql\nROLLBACK;\n";
}

# The examples in their session, then the other blocks.
sub script
{
	print "\\pset footer on\n\\pset pager off\n";
	my ($n, $role) = (0, 'analyst');
	my @silent;
	while ($text =~ /$block/g)
	{
		my ($wanted, $sql, $answer) = ($1 // 'analyst', $2, $3);
		if (!defined $answer)
		{
			push @silent, $sql if !missing($sql);
			next;
		}
		print "\\set QUIET on\n\\connect - $wanted\n\\set QUIET off\n" if $wanted ne $role;
		$role = $wanted;
		printf "\\echo \@\@ example %d\n%s\n", ++$n, $sql;
	}
	$n = 0;
	print "\\set QUIET on\n\\connect - postgres\n\\set QUIET off\n" if @silent;
	printf "\\echo \@\@ silent %d\n%s\n", ++$n, silent_script($_) for @silent;
}

# What blocks without an answer said that they should not have.
sub complaints
{
	my @found;
	my $output_text = slurp($output);
	while ($output_text =~ /^\@\@ silent (\d+)\n(.*?)(?=^\@\@ (?:silent|example) \d+\n|\z)/msg)
	{
		my ($n, $said) = ($1, $2);
		push @found, map { "$page, block $n without an answer: $_" } grep { /ERROR:|FATAL:/ } split /\n/, $said;
	}
	return @found;
}

# What psql answered to each example, without blanks at line ends and empty lines around.
sub answers
{
	my @parts = map { s/^\@\@ silent \d+\n.*//msr } split /^\@\@ example \d+\n/m, slurp($output);
	shift @parts;
	for (@parts) { s/[ \t]+$//mg; s/\A\n+//; s/\n*\z/\n/; }
	return @parts;
}

# Rules under column heads are as wide as the widest number.
sub words { my ($s) = @_; $s =~ s/^[-+]*--[-+]*$/--/mg; return split ' ', $s; }

sub same_word
{
	my ($a, $b) = @_;
	return 1 if $a eq $b;
	my $number = qr/^[-+]?\d*\.\d+(?:e[-+]?\d+)?[,})]*$/;
	return 0 unless $a =~ $number && $b =~ $number;
	s/[,})]+$// for $a, $b;
	my $digits = $a =~ /\.(\d+)/ ? length $1 : 0;
	my $apart = abs($a - $b);
	return $apart <= $NOTHING || $apart <= $TOLERANCE * abs($a) || $apart <= 1.001 * 10**-$digits;
}

sub same
{
	my @a = words($_[0]);
	my @b = words($_[1]);
	return 0 if @a != @b;
	same_word($a[$_], $b[$_]) or return 0 for 0 .. $#a;
	return 1;
}

sub compare
{
	my @got = answers();
	my ($n, $wrong) = (0, 0);
	while ($text =~ /$example/g)
	{
		my ($sql, $shown, $got) = ($2, $3, $got[$n++]);
		$got = "(no answer: psql stopped before)\n" unless defined $got;
		next if same($shown, $got);
		$wrong++;
		print STDERR "# $page, example $n:\n", map { "#   $_\n" } split /\n/, "$sql--- shown\n$shown--- answered\n$got";
	}
	my @complaints = complaints();
	print STDERR map { "# $_\n" } @complaints;
	my ($blocks, $skipped) = (0, 0);
	while ($text =~ /$block/g) { next if defined $3; $blocks++; $skipped++ if missing($2); }
	my $fences = () = $text =~ /^\s*```+\s*(?:sql|postgres|psql|plpgsql|pgsql)\b/mig;
	print "$n examples, $blocks blocks without an answer, $skipped of them skipped\n";
	if ($n + $blocks != $fences) { print STDERR "# $page: $fences blocks of SQL, but $n + $blocks are looked at\n"; $wrong++; }
	exit($wrong + @complaints ? 1 : 0);
}

# How many errors a text shows.
sub errors { my ($s) = @_; return scalar(() = $s =~ /ERROR:|FATAL:/g); }

sub in_turn
{
	my @got = answers();
	my ($n, $wrong) = (0, 0);
	while ($text =~ /$example/g)
	{
		my ($sql, $shown, $got) = ($2, $3, $got[$n++] // "FATAL: no answer, psql stopped before\n");
		next if errors($got) <= errors($shown);
		$wrong++;
		print STDERR "# $page, example $n, after the pages before it:\n", map { "#   $_\n" } split /\n/, "$sql--- answered\n$got";
	}
	my @complaints = complaints();
	print STDERR map { "# $_\n" } @complaints;
	print "$n examples\n";
	exit($wrong + @complaints ? 1 : 0);
}

# An answer that is the same within the tolerance stays as it is, so that a run on another machine changes nothing.
sub rewrite
{
	my @got = answers();
	my $n = 0;
	$text =~ s{$example}{
		my ($all, $shown, $got) = ($&, $3, $got[$n++]);
		if (defined $got && !same($shown, $got)) { my $at = length($all) - length("$shown```"); substr($all, $at, length $shown, $got); }
		$all;
	}gemx;
	open my $f, '>:encoding(UTF-8)', $page or die "$page: $!\n";
	print $f $text;
	close $f or die "$page: $!\n";
}

my %commands = (script => \&script, compare => \&compare, write => \&rewrite, 'in-turn' => \&in_turn);
($commands{$command} or die "unknown command $command\n")->();
