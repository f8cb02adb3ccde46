import django.contrib.postgres.fields
import django.db.models.deletion
import insights_service.clock
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='IdentityState',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='accounts.project')),
                ('current', models.BigIntegerField(default=0)),
                ('moved', models.BigIntegerField(default=0)),
                ('loaded', models.BigIntegerField(default=0)),
                ('inserter', models.CharField(blank=True, default='', max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor_nos', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('moved_actor_nos', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('person_nos', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('group_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
        ),
        migrations.CreateModel(
            name='DistinctId',
            fields=[
                ('actor_no', models.BigAutoField(primary_key=True, serialize=False)),
                ('distinct_id', models.CharField(max_length=200)),
                ('person_no', models.BigIntegerField()),
                ('version', models.BigIntegerField()),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'person_no'], name='distinct_ids_of_person')],
                'constraints': [models.UniqueConstraint(fields=('project', 'distinct_id'), name='one_actor_per_distinct_id'), models.CheckConstraint(condition=models.Q(('actor_no__lte', 4294967295)), name='actor_no_fits_32_bits')],
            },
        ),
        migrations.CreateModel(
            name='EventDefinition',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=400)),
                ('created_at', models.DateTimeField(default=insights_service.clock.now)),
                ('last_seen_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='one_definition_per_event')],
            },
        ),
        migrations.CreateModel(
            name='EventProperty',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=400)),
                ('property', models.CharField(max_length=400)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'event', 'property'), name='event_with_property')],
            },
        ),
        migrations.CreateModel(
            name='Group',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group_type_index', models.PositiveSmallIntegerField()),
                ('group_key', models.CharField(max_length=400)),
                ('properties', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=insights_service.clock.now)),
                ('version', models.BigIntegerField()),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'group_type_index', 'group_key'), name='one_group_per_key')],
            },
        ),
        migrations.CreateModel(
            name='GroupType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group_type', models.CharField(max_length=400)),
                ('group_type_index', models.PositiveSmallIntegerField()),
                ('name_singular', models.CharField(blank=True, max_length=400, null=True)),
                ('name_plural', models.CharField(blank=True, max_length=400, null=True)),
                ('created_at', models.DateTimeField(default=insights_service.clock.now)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='group_types', to='accounts.project')),
            ],
            options={
                'ordering': ['group_type_index'],
                'constraints': [models.UniqueConstraint(fields=('project', 'group_type'), name='one_index_per_group_type'), models.UniqueConstraint(fields=('project', 'group_type_index'), name='one_group_type_per_index'), models.CheckConstraint(condition=models.Q(('group_type_index__lte', 4)), name='at_most_five_group_types')],
            },
        ),
        migrations.CreateModel(
            name='IngestionWarning',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=80)),
                ('subject', models.CharField(help_text='Distinct id, event name or key it is about.', max_length=400)),
                ('details', models.JSONField(default=dict)),
                ('count', models.BigIntegerField(default=1)),
                ('first_seen_at', models.DateTimeField(default=insights_service.clock.now)),
                ('last_seen_at', models.DateTimeField(default=insights_service.clock.now)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'ordering': ['-last_seen_at', 'id'],
                'indexes': [models.Index(fields=['project', '-last_seen_at'], name='warnings_newest_first')],
                'constraints': [models.UniqueConstraint(fields=('project', 'kind', 'subject'), name='one_warning_per_subject')],
            },
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('person_no', models.BigIntegerField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=uuid.uuid4)),
                ('created_at', models.DateTimeField(default=insights_service.clock.now)),
                ('properties', models.JSONField(default=dict)),
                ('is_identified', models.BooleanField(default=False)),
                ('version', models.BigIntegerField()),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'person_no'], name='persons_by_number'), models.Index(fields=['project', '-created_at', 'person_no'], name='persons_newest_first')],
                'constraints': [models.UniqueConstraint(fields=('project', 'uuid'), name='person_uuid_in_project')],
            },
        ),
        migrations.CreateModel(
            name='PropertyDefinition',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=400)),
                ('type', models.CharField(choices=[('event', 'Event'), ('person', 'Person'), ('group', 'Group'), ('session', 'Session')], default='event', max_length=10)),
                ('group_type_index', models.SmallIntegerField(default=-1)),
                ('declared_type', models.CharField(blank=True, choices=[('String', 'String'), ('Numeric', 'Numeric'), ('Boolean', 'Boolean'), ('DateTime', 'Datetime')], max_length=10, null=True)),
                ('inferred_type', models.CharField(blank=True, choices=[('String', 'String'), ('Numeric', 'Numeric'), ('Boolean', 'Boolean'), ('DateTime', 'Datetime')], max_length=10, null=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('project', 'type', 'group_type_index', 'name'), name='one_definition_per_property'), models.CheckConstraint(condition=models.Q(models.Q(('group_type_index__gte', 0), ('type', 'group')), models.Q(models.Q(('type', 'group'), _negated=True), ('group_type_index', -1)), _connector='OR'), name='only_group_properties_have_a_group_type')],
            },
        ),
    ]
