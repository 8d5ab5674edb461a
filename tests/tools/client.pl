#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# A client of docs/protocol.md in Perl, with one objective that meets everything in it: tests/python starts it.
use strict;
use warnings;
use IO::Handle;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

package Refused { sub new { my ($class, %error) = @_; return bless {%error}, $class } }
package Pruned { sub new { return bless {}, shift } }

package Client {
    sub new {
        my ($class) = @_;
        my $fd = delete $ENV{BLUEFIN_FD} // die "\$BLUEFIN_FD is not set: not started for a trial\n";
        open(my $socket, '+<&=', $fd) or die "descriptor $fd: $!\n";
        $socket->autoflush(1);    # Perl closes descriptors above $^F on exec
        my $self = bless {socket => $socket}, $class;
        $self->{hello} = $self->call(op => 'hello', version => 1, client => 'client.pl');
        exit 1 if $self->{hello}{version} != 1;
        return $self;
    }

    sub call {
        my ($self, %request) = @_;
        my $socket = $self->{socket};
        print {$socket} $json->encode(\%request), "\n" or exit 1;
        my $line = <$socket> // exit 1;    # the supervisor is gone
        my $reply = $json->decode($line);
        die Refused->new(%{$reply->{error}}) unless $reply->{ok};
        return $reply;
    }

    sub suggest {
        my ($self, $name, %distribution) = @_;
        my $reply = $self->call(op => 'suggest', name => $name, distribution => \%distribution);
        return exists $reply->{index} ? $distribution{choices}[$reply->{index}] : $reply->{value};
    }
    sub report {
        my ($self, $step, $value) = @_;
        return $self->call(op => 'report', step => $step, value => $value)->{prune};
    }
}

sub objective {
    my ($trial) = @_;
    my $number = $trial->{hello}{number};
    die "the number differs\n" unless $number == $ENV{BLUEFIN_TRIAL_NUMBER};
    my $x = $trial->{hello}{params}{x};
    die "x differs\n" unless $x == $json->decode($ENV{BLUEFIN_PARAMS})->{x};
    my $lr = $trial->suggest('lr', type => 'float', low => 1e-5, high => 0.1, log => JSON::PP::true);
    die "lr = $lr\n" unless $lr >= 1e-5 && $lr <= 0.1;
    my $units = $trial->suggest('units', type => 'int', low => 16, high => 64, step => 16);
    my $kind = $trial->suggest('kind', type => 'categorical', choices => ['a', undef, JSON::PP::true, 2]);
    my $again = $trial->suggest('units', type => 'int', low => 16, high => 64, step => 16);
    die "another value\n" unless $again == $units;
    eval { $trial->suggest('units', type => 'float', low => 0, high => 1); 1 } and die "no conflict\n";
    die "code $@->{code}\n" unless ref $@ eq 'Refused' && $@->{code} eq 'conflict';
    $trial->report(0, $units + 1);
    $trial->report(1, $units);
    $trial->report(2, 'nan');
    my $reply = $trial->call(op => 'should_prune', id => 17);
    die "id\n" unless $reply->{id} == 17 && !$reply->{prune};
    $trial->call(op => 'set_user_attr', key => 'list', value => [1, {a => "\x{e9}"}]);
    $trial->call(op => 'set_constraint', key => 'c', value => -1.5);
    die Pruned->new if $number == 1;
    die "two is too few\n" if $number == 2;
    return $units;
}

my $trial = Client->new;
my $value = eval { objective($trial) };
if (my $error = $@) {
    if (ref $error eq 'Pruned') {
        $trial->call(op => 'tell', state => 'pruned');
    } else {
        $trial->call(op => 'tell', state => 'fail', reason => ref $error ? $error->{message} : $error);
    }
    exit 0;
}
$trial->call(op => 'tell', values => [$value + 0]);
