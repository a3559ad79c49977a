#!/usr/bin/env perl
# table.pl - what benchmarks measured, as one table
#
#   table.pl [--quick] [NNN_name …]    the figures kept in build/bench (or build/bench/quick), for the reader
#   table.pl --write                   doc/performance.md, from all figures kept in build/bench, of however many runs
#
# run.sh keeps NNN_name.tsv: lines "#key<TAB>value" about the run, then one line a figure as lib.sh's `report` writes it: name,
# unit, ours, the peer's name, the peer's figure, aim, peer or yardstick.  reasons.txt says why what is behind is behind.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

my $bench = 'test/bench';
my $page  = 'doc/performance.md';
my ($quick, $write) = (0, 0);
while (@ARGV && $ARGV[0] =~ /^--(.*)/) {
    if    ($1 eq 'quick') { $quick = 1 }
    elsif ($1 eq 'write') { $write = 1 }
    else                  { die "usage: table.pl [--quick | --write] [NNN_name ...]\n" }
    shift @ARGV;
}
my $kept = $quick ? 'build/bench/quick' : 'build/bench';

# ---- reading ----

sub lines_of { my ($path) = @_; open my $f, '<', $path or die "$path: $!\n"; chomp(my @lines = <$f>); return @lines; }

# What a benchmark measures: the first sentence of its first comment.
sub purpose {
    my ($name) = @_;
    my ($path) = grep { -e } map { "$bench/$name.$_" } qw(sh py);
    return '' unless $path;
    my $words = '';
    for (lines_of($path)) {
        next if /^#!/ || /^# shellcheck/;
        last unless /^# ?(.*)/;
        $words .= "$1 ";
    }
    $words =~ s/\s+$//;
    $words =~ s/(?<!\be\.g)\.(?:\s.*)?$//s if $words =~ /^(.*?[^\d\s])\.(?:\s|$)/s && ($words = $1);
    return $words;
}

# Significant digits enough to judge by.
sub number {
    my ($value) = @_;
    my $digits = $value >= 100 ? 0 : $value >= 10 ? 1 : $value >= 1 ? 2 : 3;
    my $text = sprintf '%.*f', $digits, $value;
    1 while $text =~ s/^(\d+)(\d{3})/$1,$2/;
    return $text;
}

sub figure {
    my ($value, $unit) = @_;
    ($value, $unit) = $value < 0.001 ? ($value * 1e6, 'µs') : ($value * 1e3, 'ms') if $unit eq 's' && $value < 1;
    return number($value) . " $unit";
}

# Rates and shares that are right; all else is time, memory or error.
sub more_is_better { my ($f) = @_; return $f->{unit} =~ m{/s$|^recall$}; }

sub read_results {
    my ($path) = @_;
    my ($name) = $path =~ m{([^/]+)\.tsv$};
    my $base = '';
    my %run = (name => $name, number => $name =~ /^(\d+)/, figures => [], skipped => [], purpose => purpose($name));
    for (lines_of($path)) {
        if (/^#(\w+)\t(.*)/) {
            if ($1 eq 'skipped' || $1 eq 'rounds') { push @{ $run{$1} }, $2 unless grep { $_ eq $2 } @{ $run{$1} // [] } }
            else                                   { $run{$1} = $2 eq '' ? 1 : $2 }
            next;
        }
        my %f;
        @f{qw(name unit ours peer_name peer aim kind)} = split /\t/, $_, -1;
        $f{run} = \%run;
        # "the same …" and "its …" lean on the figure before them, where they stand alone too.
        $base = $f{name} unless $f{name} =~ /^(the same|its)\b/;
        $f{full} = $f{name} eq $base ? $base : "$base: $f{name}";
        die "$path: the aim of $f{name} ($f{aim}) does not go with its unit, $f{unit}\n"
            if $f{aim} ne '' && ($f{aim} =~ /^>=/) != !!more_is_better(\%f);
        if ($f{peer} ne '') {
            $f{ratio} = $f{ours} / $f{peer};
            my $more = more_is_better(\%f);
            my ($bound) = $f{aim} =~ /([\d.]+)/;
            $f{met} = $more ? $f{ratio} >= $bound : $f{ratio} <= $bound if defined $bound;
            $f{slower} = $f{kind} eq 'peer' && ($more ? $f{ratio} < 1 : $f{ratio} > 1);
            $f{behind} = $f{slower} || (defined $f{met} && !$f{met});
        }
        push @{ $run{figures} }, \%f;
    }
    return \%run;
}

# "NNN name: reason" a line; empty lines and lines that begin with # are for the reader.
sub read_reasons {
    my %reason;
    for (lines_of("$bench/reasons.txt")) {
        next if /^\s*(#|$)/;
        my ($number, $name, $why) = /^(\d+) (.*?): (.*)/ or die "$bench/reasons.txt: not \"NNN name: reason\": $_\n";
        $reason{"$number $name"} = $why;
    }
    return \%reason;
}

# ---- for the reader at the terminal ----

sub cells {
    my ($f) = @_;
    return (
        $f->{name}, figure($f->{ours}, $f->{unit}),
        $f->{peer_name} eq '' ? '' : $f->{peer} eq '' ? $f->{peer_name} : figure($f->{peer}, $f->{unit}) . " $f->{peer_name}",
        defined $f->{ratio} ? sprintf('%.2f', $f->{ratio}) : '',
        $f->{aim} =~ s/<=/≤/r =~ s/>=/≥/r,
        !defined $f->{met} ? ($f->{behind} ? 'behind' : '') : $f->{met} ? 'met' : 'not met',
        $f->{peer_name} eq '' ? '' : $f->{kind});
}

sub print_table {
    my @runs = @_;
    my @rows = (['', 'what', 'promoai', 'beside', 'ratio', 'aim', '', '']);
    for my $run (@runs) {
        push @rows, map { [$run->{number}, cells($_)] } @{ $run->{figures} };
    }
    my @width;
    for my $row (@rows) {
        for my $i (0 .. $#$row) { $width[$i] = length $row->[$i] if !defined $width[$i] || length $row->[$i] > $width[$i] }
    }
    for my $row (@rows) {
        my $line = join '  ', map { sprintf '%-*s', $width[$_], $row->[$_] } 0 .. $#$row;
        print $line =~ s/\s+$//r, "\n";
    }
    for my $run (@runs) {
        print "$run->{number}  FAILED\n" if $run->{failed};
        print "$run->{number}  skipped: $_\n" for @{ $run->{skipped} };
    }
}

# ---- the page ----

# How often contenders took turns: not all of a benchmark do so as often.
sub rounds {
    my ($run) = @_;
    my @rounds = sort { $a <=> $b } @{ $run->{rounds} // [] };
    return @rounds > 1 ? "$rounds[0] to $rounds[-1]" : $rounds[0] // 1;
}

# What there was to compare with, and where there were several sets of it, by which benchmarks.
sub peer_lines {
    my ($runs) = @_;
    my @sets = distinct(map { $_->{peers} } @$runs);
    return map { my $set = $_; '- Peers' . (@sets > 1 ? ' of ' . join(', ', map { $_->{number} } grep { ($_->{peers} // '') eq $set } @$runs) : '') . ": $set" } @sets;
}

sub distinct { my %seen; return grep { defined && $_ ne '' && !$seen{$_}++ } @_; }

sub behind_lines {
    my ($runs, $reasons) = @_;
    my @lines;
    push @lines, "- **$_->{number}**: failed in its last run, so that its figures are not whole" for grep { $_->{failed} } @$runs;
    for my $f (grep { $_->{behind} } map { @{ $_->{figures} } } @$runs) {
        my @cells = cells($f);
        my $aim = $cells[4] eq '' ? '' : ", aim $cells[4]";
        my $why = $reasons->{"$f->{run}{number} $f->{name}"} // 'reason not known yet';
        push @lines, "- **$f->{run}{number}, $f->{full}**: $cells[1] beside $cells[2] (ratio $cells[3]$aim): $why";
    }
    return @lines ? @lines : '- nothing';
}

# What was left out because it was not there.
sub missing_lines {
    my ($runs) = @_;
    my @lines = map { my $run = $_; map { "- **$run->{number}**: $_" } @{ $run->{skipped} } } @$runs;
    my %run = map { $_->{name} => 1 } @$runs;
    push @lines, map { "- **$_**: has not run" } grep { !$run{$_} } map { s{^.*/}{}r =~ s/\.\w+$//r } sort glob "$bench/[0-9]*";
    return @lines ? @lines : '- nothing: all benchmarks ran, with all peers';
}

sub page {
    my ($runs, $reasons) = @_;
    my @dates = sort(distinct(map { $_->{date} } @$runs));
    my $dates = @dates > 1 ? "$dates[0] to $dates[-1]" : $dates[0] // '';
    my @out = (
        '# Performance', '',
        '`make bench` writes this page from what it measures; `make bench-quick` prints the same table from less data, in under three minutes on the machine below. Single'
            . ' benchmarks run as `bash test/bench/run.sh 040 400`, and `perl test/bench/table.pl --write` makes the page anew of the'
            . ' last run of each. `bash test/bench/peers.sh` says which peers there are and how to get them.',
        '', '## Behind', '',
        'What is slower than a peer, or misses its aim:', '', behind_lines($runs, $reasons), '',
        'Not compared:', '', missing_lines($runs), '',
        '## Measured on', '',
        (map { "- $_" } distinct(map { $_->{machine} } @$runs), distinct(map { $_->{server} } @$runs)),
        peer_lines($runs),
        "- $dates", '',
        'Peers take turns with promoai (A B A B …); figures are medians of as many rounds as stand below, and only'
            . ' ratios of one sitting mean something. Ours and a peer each run in one process unless the line says otherwise.'
            . ' The ratio is ours by the peer\'s: below 1 is faster, for'
            . ' a rate above 1. Where no other program does the same job, a yardstick stands in the peer\'s place, and the aim says'
            . ' how far from it we may be.',
        '', '## Figures', '',
        '| | what | promoai | beside | ratio | aim | | a peer or a yardstick |', '| --- | --- | --- | --- | --- | --- | --- | --- |');
    for my $f (map { @{ $_->{figures} } } @$runs) {
        push @out, '| ' . join(' | ', map { s/\|/\\|/gr } $f->{run}{number}, cells($f)) . ' |';
    }
    push @out, '', '## Benchmarks', '', '| | what it measures | rounds | seconds | not compared |', '| --- | --- | --- | --- | --- |';
    for my $run (@$runs) {
        push @out, '| ' . join(' | ', map { ($_ // '') =~ s/\|/\\|/gr } "`$run->{name}`", $run->{purpose}, rounds($run), $run->{seconds}, join '; ', @{ $run->{skipped} }) . ' |';
    }
    return join("\n", @out) . "\n";
}

# ---- main ----

my @paths = @ARGV ? map { "$kept/" . s{^.*/}{}r =~ s/\.(sh|py|tsv)$//r . '.tsv' } @ARGV : sort glob "$kept/*.tsv";
my @runs = map { read_results($_) } grep { -e } @paths;
die "nothing is kept in $kept: run test/bench/run.sh first\n" unless @runs;
my $reasons = read_reasons();
if ($write) {
    my %known = map { my $run = $_; map { ("$run->{number} $_->{name}" => 1) } @{ $run->{figures} } } @runs;
    my %measured = map { ($_->{number} => 1) } @runs;
    for my $name (sort keys %$reasons) {
        warn "reasons.txt: no figure is called \"$name\"\n" if $measured{ (split ' ', $name)[0] } && !$known{$name};
    }
    open my $f, '>', $page or die "$page: $!\n";
    print $f page(\@runs, $reasons);
    close $f or die "$page: $!\n";
    print "$page: ", scalar(map { @{ $_->{figures} } } @runs), " figures of ", scalar(@runs), " benchmarks\n";
}
else {
    print_table(@runs);
}
